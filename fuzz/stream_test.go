// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

func gcmSeeds(t testing.TB) [][]any {
	seeds := [][]any{
		{uint32(0), []byte{}, []byte{}, uint32(0)},
		{uint32(17), []byte("aad"), []byte{1, 0, 2}, uint32(3)},
		{uint32(300 << 10), []byte{}, []byte{136, 137, 1}, uint32(131072)},
	}
	for _, size := range []uint32{0, 16, 1000, 131073} { // a bit of every byte at the end
		for at := range uint32(17) {
			seeds = append(seeds, []any{size, []byte("aad"), []byte{255, 200}, at*16 + fromEnd + at%8})
		}
	}
	for _, x := range fixtures(t) {
		seeds = append(seeds, []any{uint32(len(x.body)), []byte{}, x.body[:min(len(x.body), 8)], uint32(len(seeds))})
	}
	return seeds
}

// FuzzGCM: any plaintext, written and read in any pieces, gives the ciphertext
// of the one-shot AEAD; that opens again, and not with a bit flipped.
func FuzzGCM(f *testing.F) {
	plant(f, gcmSeeds(f))
	iv, aead := testIV[:stream.GCMIVSize], newAEAD(f, testKey)
	f.Fuzz(func(t *testing.T, size uint32, aad, schedule []byte, flip uint32) {
		plain := pattern(size)
		sealed := aead.Seal(nil, iv, plain, aad)
		var got bytes.Buffer
		w := must[*stream.GCMEncryptWriter](t)(stream.NewGCMEncryptWriter(&got, testKey, iv, aad))
		writeAll(t, w, plain, schedule)
		checkSame(t, "writer", got.Bytes(), sealed)
		r := must[*stream.GCMEncryptReader](t)(stream.NewGCMEncryptReader(&scheduled{data: plain, schedule: schedule}, testKey, iv, aad))
		checkSame(t, "reader", must[[]byte](t)(readAll(r, schedule)), sealed)
		checkGCM(t, sealed, aad, plain, schedule, true)
		altered := flipped(sealed, flip)
		checkGCM(t, altered, aad, nil, schedule, false)
		checkScan(t, sealed, altered, aad, plain, schedule)
	})
}

// fromEnd is set in a flip that is counted from the end, where the tag is.
const fromEnd = 8

// flipped returns data with one bit flipped: the first three bits of flip say which
// of a byte, all but the first four which byte.
func flipped(data []byte, flip uint32) []byte {
	data = bytes.Clone(data)
	at := int(flip/16) % len(data)
	if flip&fromEnd != 0 {
		at = len(data) - 1 - at
	}
	data[at] ^= 1 << (flip % 8)
	return data
}

// checkScan reads a stream twice. Unless it is the same the second time, it
// fails, and before anything leaves: the plaintext is all in one run.
func checkScan(t *testing.T, sealed, altered, aad, plain, schedule []byte) {
	t.Helper()
	iv, src := testIV[:stream.GCMIVSize], func(data []byte) io.Reader { return &scheduled{data: data, schedule: schedule} }
	if _, err := stream.ScanGCM(src(altered), testKey, iv, aad); !errors.Is(err, stream.ErrDecrypt) {
		t.Fatalf("ScanGCM of what was altered = %v", err)
	}
	scan := must[*stream.GCMScan](t)(stream.ScanGCM(src(sealed), testKey, iv, aad))
	if n := scan.Size(); n != int64(len(plain)) {
		t.Fatalf("scan: %d bytes, want %d", n, len(plain))
	}
	checkSame(t, "second pass", must[[]byte](t)(readAll(scan.Reader(src(sealed)), schedule)), plain)
	for what, second := range map[string][]byte{
		"altered": altered, "shorter": sealed[:len(sealed)-1], "longer": append(sealed[:len(sealed):len(sealed)], 0),
		"without the start": sealed[1:], "with the tag only": sealed[len(plain):], "none": nil,
	} {
		if bytes.Equal(second, sealed) {
			continue // there was no more than the tag
		}
		if got, err := readAll(scan.Reader(src(second)), schedule); !errors.Is(err, stream.ErrDecrypt) || len(got) > 0 {
			t.Fatalf("second pass over a stream that is %s: %d bytes, %v; want none, ErrDecrypt", what, len(got), err)
		}
	}
}

// checkGCM decrypts in all ways.
func checkGCM(t *testing.T, sealed, aad, plain, schedule []byte, opens bool) {
	t.Helper()
	iv, src := testIV[:stream.GCMIVSize], func() io.Reader { return &scheduled{data: sealed, schedule: schedule} }
	wantErr := func(what string, err error) {
		t.Helper()
		if opens && err != nil || !opens && !errors.Is(err, stream.ErrDecrypt) {
			t.Fatalf("%s: %v; want it to open: %t", what, err, opens)
		}
	}
	buffered := must[*stream.GCMDecryptReader](t)(stream.NewGCMDecryptReader(src(), testKey, iv, aad, int64(len(sealed))))
	got, err := readAll(buffered, schedule)
	wantErr("buffered", err)
	checkSame(t, "buffered", got, plain)
	unverified := must[*stream.GCMUnverifiedReader](t)(stream.NewGCMUnverifiedReader(src(), testKey, iv, aad))
	got, err = readAll(unverified, schedule)
	wantErr("unverified", err)
	if opens {
		checkSame(t, "unverified", got, plain)
	}
	n, err := stream.VerifyGCM(src(), testKey, iv, aad)
	wantErr("VerifyGCM", err)
	if opens && n != int64(len(plain)) {
		t.Fatalf("VerifyGCM = %d, want %d", n, len(plain))
	}
}

func writeAll(t *testing.T, w io.WriteCloser, data, schedule []byte) {
	t.Helper()
	cut(data, schedule, func(p []byte) {
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write = %d, %v, want %d", n, err, len(p))
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkSame(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes that are not the %d of the oracle", what, len(got), len(want))
	}
}

func cbcSeeds(t testing.TB) [][]any {
	seeds := [][]any{{[]byte{}, []byte{}, uint8(0)}, {bytes.Repeat([]byte{16}, 16), []byte{1}, uint8(1)}}
	for _, x := range fixtures(t) {
		seeds = append(seeds, []any{x.body, x.body[:min(len(x.body), 8)], uint8(len(seeds))})
	}
	for _, c := range cases(t) {
		if c.Suite == "V1" {
			seeds = append(seeds, []any{c.Body, []byte{3, 0, 0, 2}, uint8(len(seeds))})
		}
	}
	return seeds
}

// FuzzCBC: any bytes, as plaintext, as ciphertext, and as plaintext with whatever
// padding, do what crypto/cipher does to them.
func FuzzCBC(f *testing.F) {
	plant(f, cbcSeeds(f))
	f.Fuzz(func(t *testing.T, data, schedule []byte, size uint8) {
		key := testKey[:16+8*(size%3)]
		block := newBlock(t, key)
		pad := stream.BlockSize - len(data)%stream.BlockSize
		sealed := slices.Concat(data, bytes.Repeat([]byte{byte(pad)}, pad))
		cipher.NewCBCEncrypter(block, testIV).CryptBlocks(sealed, sealed)
		var got bytes.Buffer
		writeAll(t, must[*stream.CBCEncryptWriter](t)(stream.NewCBCEncryptWriter(&got, key, testIV)), data, schedule)
		checkSame(t, "writer", got.Bytes(), sealed)
		checkCBC(t, key, sealed, schedule)
		checkCBC(t, key, data, schedule)
		whole := bytes.Clone(data[:len(data)-len(data)%16])
		cipher.NewCBCEncrypter(block, testIV).CryptBlocks(whole, whole)
		checkCBC(t, key, whole, schedule)
	})
}

// checkCBC decrypts what may or may not have padding.
func checkCBC(t *testing.T, key, sealed, schedule []byte) {
	t.Helper()
	plain := bytes.Clone(sealed[:len(sealed)-len(sealed)%16])
	cipher.NewCBCDecrypter(newBlock(t, key), testIV).CryptBlocks(plain, plain)
	pad := 0
	if n := len(plain); n > 0 && n == len(sealed) {
		pad = int(plain[n-1])
		if pad > 16 || !bytes.Equal(plain[n-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
			pad = 0
		}
	}
	r := must[*stream.CBCDecryptReader](t)(stream.NewCBCDecryptReader(&scheduled{data: sealed, schedule: schedule}, key, testIV))
	got, err := readAll(r, schedule)
	switch {
	case pad > 0 && (err != nil || !bytes.Equal(got, plain[:len(plain)-pad])):
		t.Fatalf("%d bytes, %v; want %d", len(got), err, len(plain)-pad)
	case pad == 0 && (!errors.Is(err, stream.ErrDecrypt) || !bytes.HasPrefix(plain, got) || len(got) > max(0, len(plain)-16) && len(plain) == len(sealed)):
		t.Fatalf("%d of %d bytes, %v; want ErrDecrypt", len(got), len(plain), err)
	}
}

func ctrSeeds(t testing.TB) [][]any {
	seeds := [][]any{{uint32(0), uint32(0), uint32(0), []byte{}, testIV}, {uint32(100), uint32(17), uint32(40), []byte{1, 0}, bytes.Repeat([]byte{0xff}, 16)}}
	for i, x := range fixtures(t) {
		seeds = append(seeds, []any{uint32(len(x.body)), uint32(i), uint32(i * 7), x.body[:min(len(x.body), 8)], testIV})
	}
	return seeds
}

// FuzzCTRRange: any part of any content is that part of all of it.
func FuzzCTRRange(f *testing.F) {
	plant(f, ctrSeeds(f))
	f.Fuzz(func(t *testing.T, size, off, n uint32, schedule, iv []byte) {
		plain := pattern(size)
		from := int64(off) % int64(len(plain)+1)
		count := int64(n) % (int64(len(plain)) - from + 1)
		iv = slices.Concat(iv, testIV)[:16]
		want := plain[from : from+count]

		sealed := newAEAD(t, testKey).Seal(nil, iv[:12], plain, nil)
		coff, cn, err := stream.GCMCiphertextRange(from, count)
		if err != nil || coff%16 != 0 || coff > from || count > 0 && coff+cn < from+count || coff+cn > int64(len(plain)) {
			t.Fatalf("GCMCiphertextRange(%d, %d) = %d, %d, %v", from, count, coff, cn, err)
		}
		src := func(body []byte) io.Reader { return &scheduled{data: body[coff : coff+cn], schedule: schedule} }
		r := must[*stream.CTRRangeReader](t)(stream.NewCTRRangeReader(src(sealed), testKey, iv[:12], from, count))
		checkSame(t, "GCM", must[[]byte](t)(readAll(r, schedule)), want)
		at := must[*stream.GCMUnauthenticatedReaderAt](t)(stream.NewGCMUnauthenticatedReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, iv[:12]))
		checkAt(t, at, from, want)

		body := bytes.Clone(plain)
		cipher.NewCTR(newBlock(t, testKey), iv).XORKeyStream(body, body)
		if coff, cn, err = stream.CTRCiphertextRange(from, count); err != nil {
			t.Fatal(err)
		}
		r = must[*stream.CTRRangeReader](t)(stream.NewPlainCTRRangeReader(src(body), testKey, iv, from, count))
		checkSame(t, "CTR", must[[]byte](t)(readAll(r, schedule)), want)
		checkAt(t, must[*stream.CTRReaderAt](t)(stream.NewCTRReaderAt(bytes.NewReader(body), int64(len(body)), testKey, iv)), from, want)
		whole := must[*stream.CTRReader](t)(stream.NewCTRReader(&scheduled{data: body, schedule: schedule}, testKey, iv))
		checkSame(t, "all of CTR", must[[]byte](t)(readAll(whole, schedule)), plain)
	})
}

func checkAt(t *testing.T, r io.ReaderAt, off int64, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := r.ReadAt(got, off); n != len(want) || err != nil && err != io.EOF || !bytes.Equal(got, want) {
		t.Fatalf("ReadAt(%d) of %d bytes = %d, %v", off, len(want), n, err)
	}
}
