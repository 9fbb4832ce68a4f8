// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// TestScores: the lines of ratio and transfer become tables, in which what is
// below its bar stands out.
func TestScores(t *testing.T) {
	ratio := &measured{text: `commit: x
one core                                size     one-shot       stream  ratio    bar
GCM/encrypt/Write                      1 KiB     0.97 GB/s   0.95 GB/s  0.907   0.90
GCM/encrypt/Read                       1 KiB     0.77 GB/s   0.49 GB/s  0.624 
DARE/decrypt/Copy, to sio           1024 KiB     3.19 GB/s   3.65 GB/s  1.147   0.95
GCM/encrypt/Write                   1024 KiB     3.19 GB/s   2.65 GB/s  0.949   0.95  MISSED
allocations per Write of 1 MiB in steady state: 0 (bar 0)
2 cores                                 size     one-shot       stream  ratio    bar
GCM/encrypt/ReadFrom               65536 KiB       x 1.82       x 1.88  1.032   0.90
`}
	var b strings.Builder
	for _, table := range ratioTables(ratio) {
		table.write(&b)
	}
	want := `| one core | bar | 1KiB | 1MiB |
|---|---|---|---|
| GCM/encrypt/Write | 0.90; 0.95 | 0.90 | **0.94** |
| DARE/decrypt/Copy, to sio | 0.95 |  | 1.14 |

| 2 cores | bar | 64MiB |
|---|---|---|
| GCM/encrypt/ReadFrom | 0.90 | 1.03 |

`
	if b.String() != want {
		t.Errorf("ratioTables = \n%s\nwant\n%s", b.String(), want)
	}
	transfer := &measured{text: `                                        size      minio-go      s3seal  ratio    bar
http signed/put/from a pipe        262144 KiB   67 MiB/s   88 MiB/s, cpu 1.74 2.00 s/GiB  1.377   0.85
http, theirs unsigned/put          262144 KiB  321 MiB/s  247 MiB/s, cpu 0.71 1.79 s/GiB  0.624 
`}
	if met, all := reached(ratio, transfer); met != 4 || all != 5 {
		t.Errorf("reached = %d of %d, want 4 of 5", met, all)
	}
	b.Reset()
	transferTable(transfer).write(&b)
	want = `|  | minio-go, MiB/s | s3seal, MiB/s | ratio | bar |
|---|---|---|---|---|
| http signed/put/from a pipe, 256MiB | 67 | 88 | 1.37 | 0.85 |
| http, theirs unsigned/put, 256MiB | 321 | 247 | 0.62 |  |

`
	if b.String() != want {
		t.Errorf("transferTable = \n%s\nwant\n%s", b.String(), want)
	}
}
