/** What a log's last lines are known to mean, as the next step; undefined where they are not. */
export function knownCause(lines: readonly string[]): string | undefined {
  const text = lines.join("\n");
  return causes.find(([sign]) => sign.test(text))?.[1];
}

const causes: readonly (readonly [sign: RegExp, advice: string])[] = [
  [
    /did not respond to register_kv_caches/,
    'the LMCache server did not take over the KV cache in time; its log, in services/, says why. An engine without a GPU needs server: { transferMode: "auto" }, which it has by default where it says gpus: 0; much KV memory on many GPUs needs longer than 10 s: answerWithin: 120',
  ],
  [
    /PREPARE_STORE timed out/,
    'the LMCache server it stores to was gone for a moment, and back before the engine had noticed (it looks every 10 s): it then waits in vain for an answer, and ends. Restart them together, or start the new server only when the engine has logged "entering degraded mode"',
  ],
  [/no space left on device/i, "the disk is full: free some space, or point the caches (HF_HOME, the slot's directory) to another disk"],
  [
    /CUDA out of memory|OutOfMemoryError|CUDA error: out of memory|less than desired GPU memory utilization|No available memory for the cache blocks/i,
    "the GPU has too little free memory: see who holds it with nvidia-smi, or lower the engine's GPU memory share or its context limit",
  ],
  [
    /max seq len .* is larger than the maximum number of tokens|larger than the available KV cache memory/i,
    "the KV cache is too small for the context limit: lower the limit (maxModelLen), or raise the GPU memory share",
  ],
  [
    /address already in use|EADDRINUSE/i,
    "its port was taken when it wanted to listen: choose another with -p, or leave -p out and a free one is taken",
  ],
  [
    /gated repo|401 Client Error|403 Client Error|access to model .* is restricted|Invalid username or password/i,
    "the model is gated: accept its licence on its page and set HF_TOKEN",
  ],
  [
    /RepositoryNotFoundError|is not a local folder and is not a valid model identifier|Repo id must be/i,
    "there is no such model: look at its name, and at HF_HUB_OFFLINE where the machine has no internet",
  ],
  [
    /LocalEntryNotFoundError|couldn't connect to .*huggingface|offline mode is enabled|NameResolutionError|Temporary failure in name resolution/i,
    "the model is not on this machine and could not be downloaded: download it first, or give -m a local path",
  ],
  [
    // vLLM warns of each optional part that is not there, and goes on without it.
    /^(?!.*\bWARNING\b).*(?:No module named|ModuleNotFoundError|ImportError)/m,
    "its Python environment lacks a package: run it in the one where the engine is installed (. VENV/bin/activate)",
  ],
  [/unrecognized arguments|no such option|unexpected argument/i, "this version of the engine does not know one of the flags above"],
  [
    /Failed to infer device type|No CUDA GPUs are available|no NVIDIA driver|CUDA driver version is insufficient/i,
    "it finds no usable GPU: look at nvidia-smi, and at CUDA_VISIBLE_DEVICES",
  ],
  // A process that was killed shows no exit code yet when vLLM looks at it at once. A core that fails says so first.
  [
    /^(?![^]*EngineCore (?:failed to start|encountered a fatal error))[^]*(?:Failed core proc\(s\): \{(?:\}|[^}]*: -9\b)|died unexpectedly \(exit code: (?:None|-9)\)|engine core exited unexpectedly)/,
    "one of its processes (core or worker) was gone without a word: somebody killed it; with too little memory that is the kernel: dmesg | grep -i oom",
  ],
];
