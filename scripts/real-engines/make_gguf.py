#!/usr/bin/env python3
"""Write a small random Llama model with its own tokenizer as a GGUF, offline.

Usage: make_gguf.py FILE [--hidden N] [--layers N] [--context N] [--seed N]

The weights are N(0, 0.02) in float32.  The tokenizer is a byte-level BPE whose
4,096 tokens are the bytes and then what merges of small letters give; nothing
is trained, so the same arguments give the same file.  No token that is only a
part of a UTF-8 character, or no text at all, is ever the likeliest: llama.cpp
holds such text back, and a stream of nothing but that has no first token.
"""
import argparse
import string

import gguf
import numpy as np

VOCABULARY = 4096
HEAD = 64
BEGIN, END = "<|begin|>", "<|end|>"
SPACE = "\u0120"  # how byte-level tokenizers write it


def byte_alphabet():
    """The 256 bytes, each as the printable character that stands for it."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in kept]
    signs = {byte: chr(byte) for byte in kept}
    signs.update({byte: chr(256 + at) for at, byte in enumerate(moved)})
    return [signs[byte] for byte in range(256)]


def merges(count):
    letters = string.ascii_lowercase
    pairs = [a + b for a in letters for b in letters]
    every = [*((a, b) for a in letters for b in letters),
             *((SPACE, a) for a in letters),
             *((SPACE, pair) for pair in pairs),
             *((pair, a) for pair in pairs for a in letters)]
    return every[:count]


def vocabulary():
    alphabet = byte_alphabet()
    special = [BEGIN, END]
    made = merges(VOCABULARY - len(alphabet) - len(special))
    tokens = special + alphabet + [a + b for a, b in made]
    types = ([gguf.TokenType.CONTROL] * len(special)
             + [gguf.TokenType.NORMAL] * (VOCABULARY - len(special)))
    silent = len(special) + len(alphabet)
    return tokens, types, ["%s %s" % pair for pair in made], silent


def weights(opt, silent):
    draw = np.random.default_rng(opt.seed)
    hid, mid = opt.hidden, opt.hidden * 11 // 4
    key_value = max(1, hid // HEAD // 2) * HEAD

    def normal(*shape):
        return draw.normal(0, 0.02, shape).astype(np.float32)

    output = normal(VOCABULARY, hid)
    output[:silent] = 0
    yield "token_embd.weight", normal(VOCABULARY, hid)
    yield "output_norm.weight", np.ones(hid, np.float32)
    yield "output.weight", output
    for layer in range(opt.layers):
        at = "blk.%d." % layer
        yield at + "attn_norm.weight", np.ones(hid, np.float32)
        yield at + "attn_q.weight", normal(hid, hid)
        yield at + "attn_k.weight", normal(key_value, hid)
        yield at + "attn_v.weight", normal(key_value, hid)
        yield at + "attn_output.weight", normal(hid, hid)
        yield at + "ffn_norm.weight", np.ones(hid, np.float32)
        yield at + "ffn_gate.weight", normal(mid, hid)
        yield at + "ffn_up.weight", normal(mid, hid)
        yield at + "ffn_down.weight", normal(hid, mid)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("file")
    args.add_argument("--hidden", type=int, default=384)
    args.add_argument("--layers", type=int, default=6)
    args.add_argument("--context", type=int, default=16384)
    args.add_argument("--seed", type=int, default=1)
    opt = args.parse_args()
    tokens, types, joined, silent = vocabulary()
    out = gguf.GGUFWriter(opt.file, "llama")
    out.add_name("tiny")
    out.add_context_length(opt.context)
    out.add_embedding_length(opt.hidden)
    out.add_block_count(opt.layers)
    out.add_feed_forward_length(opt.hidden * 11 // 4)
    out.add_head_count(opt.hidden // HEAD)
    out.add_head_count_kv(max(1, opt.hidden // HEAD // 2))
    out.add_rope_dimension_count(HEAD)
    out.add_rope_freq_base(500000.0)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_vocab_size(VOCABULARY)
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(tokens)
    out.add_token_types(types)
    out.add_token_merges(joined)
    out.add_bos_token_id(0)
    out.add_eos_token_id(1)
    out.add_add_bos_token(False)
    count = 0
    for name, values in weights(opt, silent):
        out.add_tensor(name, values)
        count += values.size
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    print("%s: %.1f M parameters, vocabulary %d"
          % (opt.file, count / 1e6, VOCABULARY))


if __name__ == "__main__":
    main()
