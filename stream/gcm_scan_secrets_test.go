// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// TestScanCleared: a scan that has ended, in whatever way, holds nothing that
// is as secret as the key, and neither do its readers.
func TestScanCleared(t *testing.T) {
	var sealed bytes.Buffer
	w, err := NewGCMEncryptWriter(&sealed, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 300))
	w.Close()
	s, err := ScanGCMChunks(bytes.NewReader(sealed.Bytes()), zeroBlock[:], zeroBlock[:GCMIVSize], nil, 48, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.acc) != 4 || s.acc[0] == (element{}) || s.gcm.block == nil {
		t.Fatal("nothing to clear: this test looks at the wrong place")
	}
	for _, cut := range []int{0, 1, 250} {
		r := s.Reader(bytes.NewReader(sealed.Bytes()[:sealed.Len()-cut]))
		f := r.r.F.(*verifiedFeed)
		o := f.o
		if _, err := r.WriteTo(io.Discard); (err == nil) != (cut == 0) {
			t.Errorf("cut=%d: %v", cut, err)
		}
		if f.scan != nil || len(f.bufs) != 0 || o.ctr != nil || o.hash != (ghash{}) || o.mask != (element{}) || o.block != nil {
			t.Errorf("cut=%d: hash key or plaintext left behind", cut)
		}
	}
	acc := s.acc
	s.Wipe()
	for _, z := range acc {
		if z != (element{}) {
			t.Error("the hash of a run left behind")
		}
	}
	if s.acc != nil || s.gcm.block != nil || s.gcm.aead != nil {
		t.Error("the key schedule is still referenced after Wipe")
	}
}

// TestScanOutgrown: what the notes outgrow is cleared.
func TestScanOutgrown(t *testing.T) {
	var s GCMScan
	var arrays [][]element
	for range 100 {
		s.note(one)
		if n := len(arrays); n == 0 || &arrays[n-1][0] != &s.acc[0] {
			arrays = append(arrays, s.acc[:1])
		}
	}
	for i, a := range arrays[:len(arrays)-1] {
		if a[0] != (element{}) {
			t.Errorf("array %d of %d was not cleared", i, len(arrays))
		}
	}
	if len(s.acc) != 100 || s.acc[99] != one || s.acc[0] != one {
		t.Error("notes were lost")
	}
}

// TestScanRecord: 16 bytes for each MiB, and one run in memory.
func TestScanRecord(t *testing.T) {
	const size = 20<<20 + 5
	o, err := newGCMOpener(bytes.NewReader(make([]byte, size+GCMTagSize)), zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	buf := engine.NewChunk()
	for range size / engine.ChunkSize { // the tag of the body, to make a good one
		if _, _, err := o.next(buf[:]); err != nil {
			t.Fatal(err)
		}
	}
	buf.Free()
	o.add(make([]byte, 5))
	o.size = size
	tag := o.tag()
	body := append(make([]byte, size), tag[:]...)
	s, err := ScanGCM(bytes.NewReader(body), zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.acc) != 21 || s.run != 1<<20 {
		t.Errorf("%d notes, runs of %d bytes, want 21, 1 MiB", len(s.acc), s.run)
	}
	r := s.Reader(bytes.NewReader(body))
	f := r.r.F.(*verifiedFeed)
	if _, err := io.CopyN(io.Discard, r, size-1); err != nil {
		t.Fatal(err)
	}
	if len(f.bufs) != runChunks {
		t.Errorf("%d chunks in use, want %d", len(f.bufs), runChunks)
	}
}
