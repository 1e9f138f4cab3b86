;; Runs of events that differ from a known one in nothing but their text: most of every stream. alikeEvents.ts says what for, and loads
;; alikeEvents.wasm, which `npm run wasm` makes of this.
(module
  ;; 0 to 65,535: what was read. From 65,536: the pattern, what stands before a text and then what stands after it. From 69,632: how many
  ;; events were taken, and of each where its text starts and ends.
  (memory (export "memory") 4)
  (global $pattern i32 (i32.const 65536))
  (global $taken i32 (i32.const 69632))

  ;; Takes chunks of one such event each, as far as they are there whole. Returns where the first other one starts.
  (func (export "chunks") (param $at i32) (param $end i32) (param $before i32) (param $after i32) (result i32)
    (local $count i32) (local $size i32) (local $data i32) (local $next i32)
    (loop $each
      (local.set $data (local.get $at))
      (local.set $size (i32.const 0))
      (block $sized
        (loop $digits
          (br_if $sized (i32.ge_u (i32.sub (local.get $data) (local.get $at)) (i32.const 6)))
          (local.set $next (call $digit (i32.load8_u (local.get $data))))
          (br_if $sized (i32.lt_s (local.get $next) (i32.const 0)))
          (local.set $size (i32.add (i32.shl (local.get $size) (i32.const 4)) (local.get $next)))
          (local.set $data (i32.add (local.get $data) (i32.const 1)))
          (br $digits)))
      (if (call $isLineEnd (local.get $data) (local.get $end)) (then
        (local.set $data (i32.add (local.get $data) (i32.const 2)))
        (local.set $next (i32.add (local.get $data) (local.get $size)))
        (if (call $isLineEnd (local.get $next) (local.get $end)) (then
          (if (i32.eq (local.get $next) (call $event (local.get $data) (local.get $next) (local.get $before) (local.get $after) (local.get $count)))
            (then
              (local.set $at (i32.add (local.get $next) (i32.const 2)))
              (local.set $count (i32.add (local.get $count) (i32.const 1)))
              (br $each))))))))
    (i32.store (global.get $taken) (local.get $count))
    (local.get $at))

  ;; Takes such events one after the other. Returns where the first other one starts.
  (func (export "events") (param $at i32) (param $end i32) (param $before i32) (param $after i32) (result i32)
    (local $count i32) (local $next i32)
    (loop $each
      (local.set $next (call $event (local.get $at) (local.get $end) (local.get $before) (local.get $after) (local.get $count)))
      (if (local.get $next) (then
        (local.set $at (local.get $next))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $each))))
    (i32.store (global.get $taken) (local.get $count))
    (local.get $at))

  ;; Where the event ends that starts at $at; 0 if it is another, or not there whole. Its text is noted as that of the $index-th.
  (func $event (param $at i32) (param $end i32) (param $before i32) (param $after i32) (param $index i32) (result i32)
    (local $textEnd i32) (local $next i32) (local $note i32)
    (if (i32.gt_u (i32.add (local.get $at) (local.get $before)) (local.get $end)) (then (return (i32.const 0))))
    (if (i32.eqz (call $isSame (local.get $at) (global.get $pattern) (local.get $before))) (then (return (i32.const 0))))
    (local.set $at (i32.add (local.get $at) (local.get $before)))
    (local.set $textEnd (call $closingQuote (local.get $at) (local.get $end)))
    (local.set $next (i32.add (local.get $textEnd) (local.get $after)))
    (if (i32.or (i32.le_u (local.get $textEnd) (local.get $at)) (i32.gt_u (local.get $next) (local.get $end))) (then (return (i32.const 0))))
    (if (i32.eqz (call $isSame (local.get $textEnd) (i32.add (global.get $pattern) (local.get $before)) (local.get $after)))
      (then (return (i32.const 0))))
    (local.set $note (i32.add (global.get $taken) (i32.shl (local.get $index) (i32.const 3))))
    (i32.store offset=4 (local.get $note) (local.get $at))
    (i32.store offset=8 (local.get $note) (local.get $textEnd))
    (local.get $next))

  ;; Eight bytes at a time, of which the last may have been seen before.
  (func $isSame (param $a i32) (param $b i32) (param $length i32) (result i32)
    (local $last i32)
    (if (i32.lt_u (local.get $length) (i32.const 8)) (then (return (call $isSameShort (local.get $a) (local.get $b) (local.get $length)))))
    (local.set $last (i32.sub (i32.add (local.get $a) (local.get $length)) (i32.const 8)))
    (loop $words
      (if (i64.ne (i64.load (local.get $a)) (i64.load (local.get $b))) (then (return (i32.const 0))))
      (if (i32.eq (local.get $a) (local.get $last)) (then (return (i32.const 1))))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (if (i32.gt_u (local.get $a) (local.get $last)) (then
        (local.set $b (i32.sub (local.get $b) (i32.sub (local.get $a) (local.get $last))))
        (local.set $a (local.get $last))))
      (br $words))
    (unreachable))

  (func $isSameShort (param $a i32) (param $b i32) (param $length i32) (result i32)
    (block $end
      (loop $bytes
        (br_if $end (i32.eqz (local.get $length)))
        (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))) (then (return (i32.const 0))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $bytes)))
    (i32.const 1))

  ;; 0 where there is none before $end: a text in JSON has no line ends. After a backslash the byte at $end may be looked at; that it is beyond is seen next.
  (func $closingQuote (param $at i32) (param $end i32) (result i32)
    (local $byte i32)
    (loop $bytes
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (i32.const 0))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $byte) (i32.const 34)) (then (return (local.get $at)))) ;; a quote
      (if (i32.lt_u (local.get $byte) (i32.const 32)) (then (return (i32.const 0))))
      (if (i32.eq (local.get $byte) (i32.const 92)) (then ;; a backslash
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.lt_u (i32.load8_u (local.get $at)) (i32.const 32)) (then (return (i32.const 0))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $bytes))
    (unreachable))

  (func $isLineEnd (param $at i32) (param $end i32) (result i32)
    (if (i32.gt_u (i32.add (local.get $at) (i32.const 2)) (local.get $end)) (then (return (i32.const 0))))
    (i32.eq (i32.load16_u (local.get $at)) (i32.const 0x0a0d)))

  ;; Of a hexadecimal number; -1 for any other byte.
  (func $digit (param $byte i32) (result i32)
    (local $letter i32)
    (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 10)) (then (return (i32.sub (local.get $byte) (i32.const 48)))))
    (local.set $letter (i32.sub (i32.or (local.get $byte) (i32.const 32)) (i32.const 97)))
    (if (i32.lt_u (local.get $letter) (i32.const 6)) (then (return (i32.add (local.get $letter) (i32.const 10)))))
    (i32.const -1))

  ;; Where the first line feed or carriage return from $at on stands; $end where none is before it. Up to 15 bytes from $end on may be looked at.
  (func (export "lineEnd") (param $at i32) (param $end i32) (result i32)
    (local $bytes v128) (local $found i32)
    (loop $each
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $bytes (v128.load (local.get $at)))
      (local.set $found (i8x16.bitmask (v128.or
        (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 10)))
        (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 13))))))
      (local.set $at (i32.add (local.get $at) (if (result i32) (local.get $found)
        (then (i32.ctz (local.get $found)))
        (else (i32.const 16)))))
      (br_if $each (i32.eqz (local.get $found))))
    (if (result i32) (i32.lt_u (local.get $at) (local.get $end)) (then (local.get $at)) (else (local.get $end)))))
