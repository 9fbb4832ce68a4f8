// SPDX-License-Identifier: Apache-2.0

// Package bench measures the throughput of the streams, next to what the
// one-shot functions of crypto/cipher reach on the same machine.
//
//	go test -bench . ./bench          # rows for benchstat: Mode/direction/how/size
//	go run ./bench/ratio              # stream against one-shot, side by side
//	go run ./bench/ratio -check       # and fail if a bar is missed
//
// Everything runs on one goroutine; set GOMAXPROCS=1 to keep the garbage
// collector off the second core as well.
package bench
