// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/dare"
)

// packageSeeds are sizes, and what is done to the ciphertext.
func packageSeeds(t testing.TB) (seeds [][]any) {
	for _, size := range []uint32{1, 16383, 16384, 16385, 65536, 65537, 131073, 200000} {
		for op := range alterations {
			seeds = append(seeds, []any{size, []byte{byte(op), 0, 1}, []byte{255, 0, 1}}, []any{size, []byte{byte(op), 255, 254}, []byte{}})
		}
		seeds = append(seeds, []any{size, []byte{}, []byte{}}, []any{size, []byte{3, 0, 1, 3, 2, 3}, []byte{100}}, []any{size, []byte{8, 1, 0}, []byte{}},
			[]any{size, []byte{2, 0, 0, 8, 2, 0}, []byte{}})
	}
	for _, c := range cases(t) {
		if c.Suite == testkit.Chunked || c.Suite == testkit.DARE2 {
			seeds = append(seeds, []any{uint32(len(c.Body)), c.Body[:min(len(c.Body), 9)], []byte{7, 200}})
		}
	}
	return seeds
}

// alterations are what is done to a body of units, each with two numbers.
var alterations = []func(b *units, x, y int){
	func(b *units, x, y int) { b.flip(x*256+y, 1<<(y%8)) },
	func(b *units, x, y int) { b.all = [][]byte{b.join()[:(x*256+y)*len(b.join())/65536]} },
	func(b *units, x, _ int) { b.all = slices.Delete(b.all, b.at(x), min(b.at(x)+1, len(b.all))) },
	func(b *units, x, y int) { b.swap(b.at(x), b.at(y)) },
	func(b *units, x, y int) { b.all = slices.Insert(b.all, b.at(y), b.get(x)) },
	func(b *units, x, y int) { b.all = append(b.all, pattern(uint32(x*256+y))) },
	func(b *units, x, _ int) { b.all = b.all[:b.at(x)] },
	func(b *units, x, y int) { b.set(x, b.other[y%len(b.other)]) },
	func(b *units, x, _ int) { b.behead(byte(x)) },
}

// units are the chunks or packages of a body, and those of another one.
type units struct{ all, other [][]byte }

func (b *units) join() []byte { return bytes.Join(b.all, nil) }
func (b *units) at(x int) int { return x % max(1, len(b.all)) }
func (b *units) get(x int) []byte {
	if len(b.all) == 0 {
		return nil
	}
	return b.all[b.at(x)]
}

func (b *units) set(x int, unit []byte) {
	if len(b.all) > 0 {
		b.all[b.at(x)] = unit
	}
}

func (b *units) swap(x, y int) {
	if len(b.all) > 0 {
		b.all[x], b.all[y] = b.all[y], b.all[x]
	}
}

// behead removes the first unit, and says in the nonces of the others that they
// are in their places; in DARE, where that is possible, it can be true of one.
func (b *units) behead(tail byte) {
	b.all = b.all[min(1, len(b.all)):]
	for _, u := range b.all {
		if len(u) > 12 {
			u[12] ^= tail
		}
	}
}

func (b *units) flip(at int, bit byte) {
	body := b.join()
	if len(body) > 0 {
		body[at*len(body)/65536] ^= bit
	}
	b.all = [][]byte{body}
}

// alter does what ops say. The first unit has another size.
func alter(body, other []byte, first, size int, ops []byte) []byte {
	split := func(b []byte) (all [][]byte) {
		all = append(all, bytes.Clone(b[:min(first, len(b))]))
		for c := range slices.Chunk(b[min(first, len(b)):], size) {
			all = append(all, bytes.Clone(c))
		}
		return all
	}
	u := &units{split(body), split(other)}
	for ops = ops[:min(len(ops), 30)]; len(ops) >= 3; ops = ops[3:] {
		alterations[int(ops[0])%len(alterations)](u, int(ops[1]), int(ops[2]))
	}
	return u.join()
}

// small keeps the sizes to some units.
func small(size uint32) uint32 { return size % 250_000 }

// FuzzChunked: what is made of the chunks of a stream opens if and only if the
// reference says so, and releases exactly what that says.
func FuzzChunked(f *testing.F) {
	plant(f, packageSeeds(f))
	f.Fuzz(func(t *testing.T, size uint32, ops, schedule []byte) {
		plain, context := pattern(small(size)), []byte("a context")
		var sealed bytes.Buffer
		writeAll(t, must[*chunked.EncryptWriter](t)(chunked.NewEncryptWriter(&sealed, testKey, context)), plain, schedule)
		if p, whole := testkit.ChunkedOpen(testKey, context, sealed.Bytes()); !whole || !bytes.Equal(p, plain) {
			t.Fatalf("the reference reads %d bytes of %d, all: %t", len(p), len(plain), whole)
		}
		body := alter(sealed.Bytes(), testkit.ChunkedSeal(testKey, slices.Concat(testIV, testIV)[:24], context, plain), 56, 16400, ops)
		want, whole := testkit.ChunkedOpen(testKey, context, body)
		r := must[*chunked.DecryptReader](t)(chunked.NewDecryptReader(&scheduled{data: body, schedule: schedule}, testKey, context))
		got, err := readAll(r, schedule)
		checkOpened(t, got, err, want, whole, true)
		at, err := chunked.NewReaderAt(bytes.NewReader(body), int64(len(body)), testKey, context)
		checkOpenedAt(t, at, err, want, whole)
	})
}

// checkOpened compares with the reference.
func checkOpened(t *testing.T, got []byte, err error, want []byte, whole, exact bool) {
	t.Helper()
	switch {
	case whole && (err != nil || !bytes.Equal(got, want)):
		t.Fatalf("%d bytes, %v; want %d", len(got), err, len(want))
	case !whole && (!errors.Is(err, stream.ErrDecrypt) || !bytes.HasPrefix(want, got)):
		t.Fatalf("%d bytes, %v; want ErrDecrypt after at most %d", len(got), err, len(want))
	case exact && len(got) != len(want):
		t.Fatalf("released %d bytes, want %d", len(got), len(want))
	}
}

// checkOpenedAt reads all of what a ReaderAt has, if there is one, in small pieces
// and at once. It must leave alone what is behind the bytes that it returns.
func checkOpenedAt[R interface {
	io.ReaderAt
	Size() int64
}](t *testing.T, at R, err error, want []byte, whole bool) {
	t.Helper()
	if err != nil {
		checkOpened(t, nil, err, want, whole, false)
		return
	}
	got, err := io.ReadAll(io.NewSectionReader(at, 0, at.Size()))
	checkOpened(t, got, err, want, whole, false)
	p := make([]byte, at.Size())
	n, err := at.ReadAt(p, 0)
	checkOpened(t, p[:n], err, want, whole, false)
	if !bytes.Equal(p[n:], make([]byte, len(p)-n)) {
		t.Fatalf("ReadAt has returned %d bytes, and written others behind them", n)
	}
}

// FuzzDARE: what is made of the packages of a stream opens if and only if the
// reference says so, and then it opens for sio, too, which has made it.
func FuzzDARE(f *testing.F) {
	plant(f, packageSeeds(f))
	config := sio.Config{MinVersion: sio.Version20, CipherSuites: []byte{sio.AES_256_GCM}, Key: testKey}
	f.Fuzz(func(t *testing.T, size uint32, ops, schedule []byte) {
		plain := pattern(max(1, small(size)))
		var sealed bytes.Buffer
		writeAll(t, must[*dare.EncryptWriter](t)(dare.NewEncryptWriter(&sealed, testKey)), plain, schedule)
		checkSame(t, "sio", must[[]byte](t)(sio.DecryptBuffer(nil, sealed.Bytes(), config)), plain)

		body := alter(sealed.Bytes(), testkit.DARESeal(testKey, testIV[:8], plain), 1<<16+32, 1<<16+32, ops)
		want, whole := testkit.DAREOpen(testKey, body)
		r := must[*dare.DecryptReader](t)(dare.NewDecryptReader(&scheduled{data: body, schedule: schedule}, testKey))
		got, err := readAll(r, schedule)
		checkOpened(t, got, err, want, whole, false)
		if whole { // it panics for some that are not
			checkSame(t, "sio", must[[]byte](t)(sio.DecryptBuffer(nil, body, config)), want)
		}
		at, err := dare.NewReaderAt(bytes.NewReader(body), int64(len(body)), testKey)
		checkOpenedAt(t, at, err, want, whole)
	})
}
