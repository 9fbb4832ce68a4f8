// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/stream"
	"pgregory.net/rapid"
)

// scanOf scans a stream in chunks of chunk bytes, run of which are a run.
func scanOf(t testing.TB, sealed []byte, chunk, run int) *stream.GCMScan {
	t.Helper()
	s, err := stream.ScanGCMChunks(bytes.NewReader(sealed), testKey, testIV, testAAD, chunk, run)
	if err != nil {
		t.Fatalf("ScanGCM of %d bytes: %v", len(sealed), err)
	}
	return s
}

// TestScanEverySize reads every size around every edge of blocks, chunks and
// runs, and compares with crypto/cipher.
func TestScanEverySize(t *testing.T) {
	for n := range 400 {
		checkScan(t, n, 48, 1+n%3) // other sizes of chunks: TestScanProperties
	}
	const c, run = stream.DefaultChunkSize, 8 * stream.DefaultChunkSize
	for _, n := range []int{c - 1, c, c + 1, run - 1, run, run + 1, run + c, 2*run - 1, 2 * run} {
		checkScan(t, n, c, 8)
	}
}

func checkScan(t *testing.T, n, chunk, run int) {
	t.Helper()
	plain := text(n)
	sealed := gcmMode().seal(plain)
	s := scanOf(t, sealed, chunk, run)
	if s.Size() != int64(n) {
		t.Errorf("len=%d,chunk=%d,run=%d: Size = %d", n, chunk, run, s.Size())
	}
	for range 2 {
		if err := checkReader(s.Reader(bytes.NewReader(sealed)), plain); err != nil {
			t.Errorf("len=%d,chunk=%d,run=%d: Read: %v", n, chunk, run, err)
		}
		if err := checkWriterTo(s.Reader(bytes.NewReader(sealed)), plain); err != nil {
			t.Errorf("len=%d,chunk=%d,run=%d: WriteTo: %v", n, chunk, run, err)
		}
	}
}

// TestScanRealSizes uses the constructor that is exported.
func TestScanRealSizes(t *testing.T) {
	for _, n := range []int{0, 100, stream.DefaultChunkSize, 8*stream.DefaultChunkSize + 5} {
		plain := text(n)
		sealed := gcmMode().seal(plain)
		s := must(stream.ScanGCM(bytes.NewReader(sealed), testKey, testIV, testAAD))
		if err := checkReader(s.Reader(bytes.NewReader(sealed)), plain); err != nil {
			t.Errorf("len=%d: %v", n, err)
		}
		if n == 0 {
			continue
		}
		sealed[n/2] ^= 1
		if err := checkReader(s.Reader(bytes.NewReader(sealed)), plain); err != stream.ErrDecrypt {
			t.Errorf("len=%d, altered: %v, want ErrDecrypt", n, err)
		}
		if _, err := stream.ScanGCM(bytes.NewReader(sealed), testKey, testIV, testAAD); err != stream.ErrDecrypt {
			t.Errorf("len=%d, altered: ScanGCM = %v, want ErrDecrypt", n, err)
		}
	}
}

// TestScanRejects: what VerifyGCM rejects, a scan does.
func TestScanRejects(t *testing.T) {
	for _, n := range []int{0, 1, 48, 100, 200} {
		sealed := gcmMode().seal(text(n))
		reject := func(name string, bad []byte) {
			t.Helper()
			s, err := stream.ScanGCMChunks(bytes.NewReader(bad), testKey, testIV, testAAD, 48, 2)
			if s != nil || err != stream.ErrDecrypt {
				t.Errorf("len=%d,%s: ScanGCM = %v, %v, want nil, ErrDecrypt", n, name, s, err)
			}
		}
		for i := range len(sealed) * 8 {
			bad := bytes.Clone(sealed)
			bad[i/8] ^= 1 << (i % 8)
			reject(fmt.Sprintf("bit=%d", i), bad)
		}
		for k := range sealed {
			reject(fmt.Sprintf("cut=%d", k), sealed[:k])
		}
		for k := 1; k <= 64; k++ {
			reject(fmt.Sprintf("appended=%d", k), append(bytes.Clone(sealed), text(k)...))
		}
	}
	if _, err := stream.ScanGCM(nil, nil, testIV, nil); err == nil {
		t.Error("an empty key was accepted")
	}
	if _, err := stream.ScanGCM(nil, testKey, testIV2, nil); err == nil {
		t.Error("an IV of 16 bytes was accepted")
	}
}

// TestSecondPassAltered: storage that puts another stream in the place of the
// one that was scanned gets out the runs before the first difference, and
// nothing of the run that differs. The tag counts as part of the last run.
func TestSecondPassAltered(t *testing.T) {
	const chunk, perRun = 48, 2
	for _, n := range []int{0, 1, 48, 49, 96, 97, 200} {
		plain := text(n)
		sealed := gcmMode().seal(plain)
		s := scanOf(t, sealed, chunk, perRun)
		for i := range len(sealed) * 8 {
			bad := bytes.Clone(sealed)
			bad[i/8] ^= 1 << (i % 8)
			checkSecond(t, fmt.Sprintf("len=%d,bit=%d", n, i), s, bad, sealed, plain, chunk*perRun)
		}
		for k := range sealed {
			checkSecond(t, fmt.Sprintf("len=%d,cut=%d", n, k), s, sealed[:k], sealed, plain, chunk*perRun)
		}
		for k := 1; k <= 64; k++ {
			more := append(bytes.Clone(sealed), text(k)...)
			checkSecond(t, fmt.Sprintf("len=%d,appended=%d", n, k), s, more, sealed, plain, chunk*perRun)
			checkSecond(t, fmt.Sprintf("len=%d,prepended=%d", n, k), s, append(text(k), sealed...), sealed, plain, chunk*perRun)
		}
	}
}

// checkSecond reads bad as the second pass of a scan of sealed.
func checkSecond(t *testing.T, name string, s *stream.GCMScan, bad, sealed, plain []byte, run int) {
	t.Helper()
	same := 0
	for same < min(len(bad), len(sealed)) && bad[same] == sealed[same] {
		same++
	}
	want := plain[:min(same/run*run, max(0, len(plain)-1)/run*run)]
	for _, pull := range []func(r *stream.GCMVerifiedReader) ([]byte, error){
		func(r *stream.GCMVerifiedReader) ([]byte, error) { return io.ReadAll(onlyReader{r}) },
		func(r *stream.GCMVerifiedReader) ([]byte, error) {
			var buf bytes.Buffer
			_, err := r.WriteTo(&buf)
			return buf.Bytes(), err
		},
	} {
		r := s.Reader(bytes.NewReader(bad))
		got, err := pull(r)
		if err != stream.ErrDecrypt || !bytes.Equal(got, want) {
			t.Errorf("%s: released %d bytes, %v, want the first %d of the plaintext, ErrDecrypt", name, len(got), err, len(want))
		}
		if err := checkStuck(r, stream.ErrDecrypt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecondPassRuns exchanges, drops and repeats runs, all of which are right
// in their own place.
func TestSecondPassRuns(t *testing.T) {
	const chunk, perRun, run = 48, 2, 96
	for _, tail := range []int{0, 10} {
		plain := text(4*run + tail)
		sealed := gcmMode().seal(plain)
		s := scanOf(t, sealed, chunk, perRun)
		part := func(i int) []byte { return sealed[i*run : min(len(sealed), (i+1)*run)] }
		for name, order := range map[string][]int{
			"swap": {1, 0, 2, 3, 4}, "swap last": {0, 1, 3, 2, 4}, "drop": {0, 2, 3, 4}, "drop first": {1, 2, 3, 4},
			"repeat": {0, 1, 1, 2, 3, 4}, "instead": {0, 0, 2, 3, 4}, "reverse": {3, 2, 1, 0, 4}, "none": {4},
		} {
			var bad []byte
			for _, i := range order {
				bad = append(bad, part(i)...)
			}
			checkSecond(t, name, s, bad, sealed, plain, run)
		}
	}
}

// TestSecondPassOther puts another stream of the same length in the place of
// the first, each as good as the other on its own.
func TestSecondPassOther(t *testing.T) {
	for _, n := range []int{100, 200} { // below, 1 and 2 chunks of 48, twice that in runs
		plain, other := text(n), bytes.Repeat([]byte("x"), n)
		sealed := gcmMode().seal(plain)
		s := scanOf(t, sealed, 48, 2)
		key := bytes.Repeat([]byte("k"), 32)
		for name, bad := range map[string][]byte{
			"other key":         newAEAD(key).Seal(nil, testIV, plain, testAAD),
			"other aad":         newAEAD(testKey).Seal(nil, testIV, plain, nil),
			"other plaintext":   gcmMode().seal(other),
			"the plaintext":     append(bytes.Clone(plain), sealed[n:]...),
			"zeros":             make([]byte, len(sealed)),
			"tag of the others": append(bytes.Clone(sealed[:n]), gcmMode().seal(other)[n:]...),
		} {
			checkSecond(t, name, s, bad, sealed, plain, 96)
		}
	}
}

// TestSecondPassPadding: a ciphertext that ends in zeros hashes as it would
// without them.
func TestSecondPassPadding(t *testing.T) {
	const n, run = 200, 96
	plain := text(n)
	for i, b := range gcmMode().seal(plain)[n-5 : n] {
		plain[n-5+i] ^= b
	}
	sealed := gcmMode().seal(plain)
	if !bytes.Equal(sealed[n-5:n], make([]byte, 5)) {
		t.Fatal("the ciphertext does not end in zeros: this test tests nothing")
	}
	s := scanOf(t, sealed, 48, 2)
	for k := -5; k <= 3; k++ {
		if k != 0 {
			bad := append(append(bytes.Clone(sealed[:n+min(k, 0)]), make([]byte, max(k, 0))...), sealed[n:]...)
			checkSecond(t, fmt.Sprintf("%d zeros more", k), s, bad, sealed[:n+min(k, 0)], plain, run)
		}
	}
}

// TestSecondPassFaults: errors of the source are its own, and are not mistaken
// for those of content.
func TestSecondPassFaults(t *testing.T) {
	for _, n := range []int{0, 10, 48, 250} {
		plain := text(n)
		sealed := gcmMode().seal(plain)
		s := scanOf(t, sealed, 48, 2)
		for k := range len(sealed) + 1 {
			r := s.Reader(failAfter(sealed[:k], errFault))
			got, err := io.ReadAll(r)
			if !errors.Is(err, errFault) || errors.Is(err, stream.ErrDecrypt) || !bytes.HasPrefix(plain, got) || len(got) > k/96*96 {
				t.Errorf("len=%d,k=%d: %d bytes, %v, want whole runs and the error of the source", n, k, len(got), err)
			}
			if _, err := stream.ScanGCMChunks(failAfter(sealed[:k], errFault), testKey, testIV, testAAD, 48, 2); !errors.Is(err, errFault) {
				t.Errorf("len=%d,k=%d: ScanGCM = %v, want the error of the source", n, k, err)
			}
		}
	}
}

// TestScanWiped: no reader survives its scan.
func TestScanWiped(t *testing.T) {
	for _, n := range []int{10, 300} {
		sealed := gcmMode().seal(text(n))
		s := scanOf(t, sealed, 48, 2)
		fresh, used := s.Reader(bytes.NewReader(sealed)), s.Reader(bytes.NewReader(sealed))
		if _, err := io.ReadFull(used, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		s.Wipe()
		s.Wipe()
		for name, r := range map[string]*stream.GCMVerifiedReader{"fresh": fresh, "late": s.Reader(bytes.NewReader(sealed))} {
			if got, err := io.ReadAll(r); len(got) != 0 || err != stream.ErrClosed {
				t.Errorf("len=%d,%s: %d bytes, %v, want none, ErrClosed", n, name, len(got), err)
			}
			if err := checkStuck(r, stream.ErrClosed); err != nil {
				t.Errorf("len=%d,%s: %v", n, name, err)
			}
		}
		// What is verified already may still come out.
		if got, err := io.ReadAll(used); n == 300 && (err != stream.ErrClosed || len(got) != 93) {
			t.Errorf("in use: %d bytes, %v, want the rest of the run, ErrClosed", len(got), err)
		}
		if s.Size() != int64(n) {
			t.Errorf("Size = %d, want %d", s.Size(), n)
		}
	}
}

// TestScanConcurrent reads one scan many times at once, and wipes it meanwhile.
func TestScanConcurrent(t *testing.T) {
	plain := text(5000)
	sealed := gcmMode().seal(plain)
	s := scanOf(t, sealed, 48, 2)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if err := checkReader(s.Reader(bytes.NewReader(sealed)), plain); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for range 4 {
		wg.Go(func() {
			got, err := io.ReadAll(s.Reader(bytes.NewReader(sealed)))
			if !bytes.HasPrefix(plain, got) || err != nil && err != stream.ErrClosed {
				t.Errorf("while being wiped: %d bytes, %v", len(got), err)
			}
		})
	}
	s.Wipe()
	wg.Wait()
}

// TestScanProperties: whatever the sizes, two passes over one stream yield what
// the one-shot AEAD yields, and a second pass over another stream yields a
// prefix of it in whole runs.
func TestScanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chunk := 16 * rapid.IntRange(1, 6).Draw(t, "blocks in a chunk")
		perRun := rapid.IntRange(1, 4).Draw(t, "chunks in a run")
		plain := text(rapid.IntRange(0, 1500).Draw(t, "size"))
		aad := text(rapid.IntRange(0, 40).Draw(t, "aad"))
		sealed := newAEAD(testKey).Seal(nil, testIV, plain, aad)
		s, err := stream.ScanGCMChunks(bytes.NewReader(sealed), testKey, testIV, aad, chunk, perRun)
		if err != nil {
			t.Fatal(err)
		}
		second := bytes.Clone(sealed)
		at := len(sealed)
		if rapid.Bool().Draw(t, "altered") {
			at = rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
			second[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		}
		r := s.Reader(bytes.NewReader(second))
		var got []byte
		for err == nil {
			buf := make([]byte, rapid.IntRange(1, 400).Draw(t, "n"))
			var n int
			n, err = r.Read(buf)
			got = append(got, buf[:n]...)
		}
		if at == len(sealed) {
			if err != io.EOF || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes, %v, want all %d, EOF", len(got), err, len(plain))
			}
			return
		}
		run := chunk * perRun
		want := min(at/run*run, max(0, len(plain)-1)/run*run)
		if err != stream.ErrDecrypt || !bytes.Equal(got, plain[:want]) {
			t.Fatalf("altered at %d: %d bytes, %v, want %d, ErrDecrypt", at, len(got), err, want)
		}
	})
}

// TestScanPrintsNothing: no verb shows what a scan holds.
func TestScanPrintsNothing(t *testing.T) {
	sealed := gcmMode().seal(text(300))
	s := scanOf(t, sealed, 48, 2)
	r := s.Reader(bytes.NewReader(sealed))
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	printtest.OnlyName(t, s)
	printtest.OnlyName(t, r)
}

// TestSecondPassPanics: a source that panics in the middle of a run, and is
// recovered from, has not verified it.
func TestSecondPassPanics(t *testing.T) {
	for _, n := range []int{10, 300} {
		plain := text(n)
		sealed := gcmMode().seal(plain)
		s := scanOf(t, sealed, 48, 2)
		for k := range sealed {
			bad := bytes.Clone(sealed)
			bad[k/96*96] ^= 1 // in the run that is being read
			r := s.Reader(&panicsOnce{data: bad[:k]})
			var got []byte
			for range 3 {
				func() {
					defer func() { _ = recover() }()
					for range 20 {
						buf := make([]byte, 50)
						n, _ := r.Read(buf)
						got = append(got, buf[:n]...)
					}
				}()
			}
			if !bytes.Equal(got, plain[:k/96*96]) {
				t.Errorf("len=%d,k=%d: released %d bytes, want %d", n, k, len(got), k/96*96)
			}
		}
	}
}

// A panicsOnce panics where its data end, once, and then goes on.
type panicsOnce struct {
	data []byte
	did  bool
}

func (p *panicsOnce) Read(b []byte) (int, error) {
	if len(p.data) == 0 && !p.did {
		p.did = true
		panic("the source")
	}
	n := copy(b, p.data)
	p.data = p.data[n:]
	return n, nil
}
