// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream/dare"
)

// pull reads all by calls that ask for so much, by turns.
func pull(src io.Reader, sizes ...int) (got []byte, err error) {
	r, err := dare.FixedEncryptReader(src, testKey, testNonce)
	if err != nil {
		return nil, err
	}
	p := make([]byte, 4<<20)
	for i := 0; err == nil; i++ {
		var n int
		n, err = r.Read(p[:sizes[i%len(sizes)]])
		got = append(got, p[:n]...)
	}
	if _, again := r.Read(p); again != err {
		return got, fmt.Errorf("%w, and then %w", err, again)
	}
	if err == io.EOF {
		err = nil
	}
	return got, err
}

// TestCores: on one core and on more than there may be, in calls that ask for
// many packages and in others, the stream is that of the reference, byte by byte.
func TestCores(t *testing.T) {
	for _, cores := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(cores), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			for _, n := range []int{1, 9 * dare.PayloadSize, 9*dare.PayloadSize + 1, 20*dare.PayloadSize - 1} {
				plain := text(n)
				want := seal(plain)
				for _, sizes := range [][]int{
					{1000},
					{8*dare.PackageSize - 1},
					{8 * dare.PackageSize},
					{3 << 20},
					{dare.PackageSize, 8 * dare.PackageSize},
					{9 * dare.PackageSize, 2 * dare.PackageSize, dare.PackageSize - 1, 1},
				} {
					got, err := pull(bytes.NewReader(plain), sizes...)
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%d bytes, read by %d: %d bytes, right or not, %v", n, sizes, len(got), err)
					}
				}
				if got, err := pull(iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(plain))), 3<<20); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes that come with their end: %d bytes, right or not, %v", n, len(got), err)
				}
			}
		})
	}
}

// TestCoresFaults breaks off the source at the edges of packages: what has come
// out by then is right and never whole, and the error stays.
func TestCoresFaults(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	plain := text(20 * dare.PayloadSize)
	sealed := seal(plain)
	for k := range 20 {
		for _, d := range []int{0, 1, 77} {
			at := k*dare.PayloadSize + d
			for _, size := range []int{100_000, 3 << 20} {
				got, err := pull(io.MultiReader(bytes.NewReader(plain[:at]), iotest.ErrReader(errFault)), size)
				most := max(0, at-1) / dare.PayloadSize * dare.PackageSize
				if !errors.Is(err, errFault) || !bytes.HasPrefix(sealed, got) || len(got) > most {
					t.Errorf("source fails at %d, read by %d: %d bytes, right or not, %v, want at most %d", at, size, len(got), err, most)
				}
			}
		}
	}
}
