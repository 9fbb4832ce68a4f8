// SPDX-License-Identifier: Apache-2.0

// Package bench holds the benchmarks of the streams and of the key wraps,
// with what they are measured against: the one-shot functions of crypto/cipher
// and a bare io.Copy.
//
//	go test -bench . ./bench            # everything below
//	go run -C bench/peers ./report      # that and more, into RESULTS.md and charts
//	go run ./bench/ratio                # stream against one-shot, side by side
//	go run ./bench/memory               # 10 GiB in constant memory
//
// The rows are named for benchstat, by key and value:
//
//	Stream/mode=GCM/op=encrypt/how=ReadFrom/size=64KiB
//	Copy/size=64KiB
//	Wrap/alg=RSA-OAEP-2048/op=unwrap
//
// so that benchstat -filter '/size:64MiB' -col /how compares ways to feed a
// stream, and with -cpu 1,2 how it scales. A row with how=oneshot is crypto/cipher
// with all input in place: of the whole for CBC, CTR and GCM, chunk by chunk, in
// one buffer that stays in the cache, for the formats that are made of chunks.
//
// The other rows have a source and a sink such as files are: io.Copy finds
// neither WriterTo nor ReaderFrom at them, and a Read is a copy.
package bench
