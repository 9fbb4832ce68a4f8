// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
)

// A partMode makes Parts, and what they must join up to.
type partMode struct {
	name    string
	ordered bool
	parts   func(d drawn) (*stream.Parts, error)
	whole   func(d drawn) []byte
}

var partModes = []partMode{
	{"GCM", false, func(d drawn) (*stream.Parts, error) { return stream.NewGCMParts(d.key, d.iv, d.aad) }, drawn.gcm},
	{"CBC", true, func(d drawn) (*stream.Parts, error) { return stream.NewCBCParts(d.key, d.iv2) }, drawn.cbc},
}

func (m partMode) open(d drawn) *stream.Parts {
	return stream.SetPartChunk(must(m.parts(d)), d.chunk)
}

func eachPartMode(t *testing.T, f func(t *testing.T, m partMode)) {
	for _, m := range partModes {
		t.Run(m.name, func(t *testing.T) { f(t, m) })
	}
}

// someParts is a fixed case for tests that are not about random plans.
func someParts() drawn {
	return drawn{key: testKey, iv: testIV, iv2: testIV2, aad: testAAD, plain: text(100), chunk: 16}
}

// A cut is a part of a plan.
type cut struct{ from, to int }

// drawPlan cuts the plaintext into parts, all but the last of whole blocks.
func drawPlan(t *rapid.T, size int) (plan []cut) {
	for at := 0; at < size; {
		to := min(size, at+16*rapid.IntRange(1, 12).Draw(t, "blocks"))
		plan = append(plan, cut{at, to})
		at = to
	}
	return plan
}

// A journal is what a careful uploader keeps: each state before its
// ciphertext, which it keeps as the storage would.
type journal struct {
	mu     sync.Mutex
	states []byte
	body   map[int][]byte
}

func (j *journal) encrypt(p *stream.Parts, plain []byte, c cut) error {
	ct, state, err := p.Encrypt(nil, plain[c.from:c.to], int64(c.from))
	if err != nil {
		return err
	}
	if len(state) != stream.PartStateSize {
		return fmt.Errorf("state of %d bytes, want %d", len(state), stream.PartStateSize)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states = append(j.states, state...)
	if old, ok := j.body[c.from]; ok && !bytes.Equal(old, ct) {
		return fmt.Errorf("part at %d: another ciphertext than before", c.from)
	}
	j.body[c.from] = ct
	return nil
}

// finish joins what is stored and the trailer.
func (j *journal) finish(p *stream.Parts, size int) ([]byte, error) {
	trailer, state, err := p.Finish(int64(size))
	if err != nil {
		return nil, err
	}
	j.states = append(j.states, state...)
	var all []byte
	for len(j.body) > 0 {
		var first int
		for first = range j.body {
			break
		}
		for from := range j.body {
			first = min(first, from)
		}
		all = append(all, j.body[first]...)
		delete(j.body, first)
	}
	return append(all, trailer...), nil
}

// TestParts encrypts random plans in random orders, from several goroutines,
// with retries, and goes on in a new process now and then.
func TestParts(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		rapid.Check(t, func(t *rapid.T) {
			d := draw(t)
			todo := drawPlan(t, len(d.plain))
			again := rapid.SliceOfN(rapid.IntRange(0, 50), 0, 5).Draw(t, "again")
			for _, i := range again {
				if len(todo) > 0 {
					todo = append(todo, todo[i%len(todo)])
				}
			}
			if !m.ordered {
				todo = rapid.Permutation(todo).Draw(t, "order")
			}
			p, j := m.open(d), &journal{body: make(map[int][]byte)}
			for len(todo) > 0 {
				n := rapid.IntRange(1, len(todo)).Draw(t, "batch")
				if err := encryptBatch(m, p, j, d.plain, todo[:n]); err != nil {
					t.Fatal(err)
				}
				todo = todo[n:]
				if rapid.Bool().Draw(t, "restart") {
					p.Wipe()
					p = m.open(d)
					if err := p.Restore(j.states); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, err := j.finish(p, len(d.plain))
			if err != nil {
				t.Fatal(err)
			}
			if want := m.whole(d); !bytes.Equal(got, want) {
				t.Errorf("parts join to %x, want %x", got, want)
			}
		})
	})
}

// encryptBatch encrypts all parts at once if their mode allows it.
func encryptBatch(m partMode, p *stream.Parts, j *journal, plain []byte, batch []cut) error {
	errs := make([]error, len(batch))
	var wg sync.WaitGroup
	for i, c := range batch {
		one := func() { errs[i] = j.encrypt(p, plain, c) }
		if m.ordered {
			one()
		} else {
			wg.Go(one)
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// TestPartChanged tries what must never be released, in parts that remember
// and in parts that were told.
func TestPartChanged(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		rapid.Check(t, func(t *rapid.T) {
			d := draw(t)
			if len(d.plain) == 0 {
				return
			}
			p, j := m.open(d), &journal{body: make(map[int][]byte)}
			plan := drawPlan(t, len(d.plain))
			if err := encryptBatch(m, p, j, d.plain, plan); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "restart") {
				p = m.open(d)
				if err := p.Restore(j.states); err != nil {
					t.Fatal(err)
				}
			}
			c := rapid.SampledFrom(plan).Draw(t, "part")
			bad := bytes.Clone(d.plain[c.from:c.to])
			bad[rapid.IntRange(0, len(bad)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			checkPartChanged(t, p, bad, c.from)
			checkPartChanged(t, p, d.plain[c.from:c.to-1], c.from)                        // shorter
			checkPartChanged(t, p, append(bytes.Clone(d.plain[c.from:c.to]), 1), c.from)  // longer
			if n := 16 * rapid.IntRange(0, (c.to-c.from-1)/16).Draw(t, "inside"); n > 0 { // cut elsewhere
				checkPartChanged(t, p, d.plain[c.from+n:c.to], c.from+n)
			}
			if err := j.encrypt(p, d.plain, c); err != nil {
				t.Errorf("the right part after wrong ones: %v, want nil", err)
			}
			if got, err := j.finish(p, len(d.plain)); err != nil || !bytes.Equal(got, m.whole(d)) {
				t.Errorf("Finish after wrong parts: %v or wrong bytes", err)
			}
		})
	})
}

// checkPartChanged wants ErrPartChanged and no ciphertext, neither returned nor
// left in the caller's buffer.
func checkPartChanged(t *rapid.T, p *stream.Parts, src []byte, off int) {
	t.Helper()
	if len(src) == 0 {
		return
	}
	buf := make([]byte, 3, 3+len(src)+16)
	ct, state, err := p.Encrypt(buf, src, int64(off))
	if !errors.Is(err, stream.ErrPartChanged) || ct != nil || state != nil {
		t.Errorf("Encrypt(%d bytes at %d) = %d bytes, %v, want none, ErrPartChanged", len(src), off, len(ct), err)
	}
	if left := buf[:cap(buf)]; !bytes.Equal(left, make([]byte, len(left))) {
		t.Errorf("Encrypt(%d bytes at %d): ciphertext left in dst: %x", len(src), off, left)
	}
}

// TestPartsEnd fixes the end of an object; nothing may be another end.
func TestPartsEnd(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		d.plain = text(96)
		p, j := m.open(d), &journal{body: make(map[int][]byte)}
		if err := encryptBatch(m, p, j, d.plain, []cut{{0, 48}, {48, 96}}); err != nil {
			t.Fatal(err)
		}
		open := bytes.Clone(j.states)
		for _, size := range []int64{-1, 112} {
			if _, _, err := p.Finish(size); err == nil {
				t.Errorf("Finish(%d) of 96 bytes: no error", size)
			}
		}
		for _, size := range []int64{0, 48, 95} {
			if _, _, err := p.Finish(size); !errors.Is(err, stream.ErrPartChanged) {
				t.Errorf("Finish(%d) of 96 bytes: %v, want ErrPartChanged", size, err)
			}
		}
		want := m.whole(d)
		if got, err := j.finish(p, 96); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("Finish: %v, or wrong bytes", err)
		}
		told := m.open(d)
		if err := told.Restore(j.states); err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]*stream.Parts{"the same": p, "another": told} {
			if _, _, err := p.Encrypt(nil, text(16), 96); !errors.Is(err, stream.ErrPartChanged) {
				t.Errorf("%s: a part behind the end: %v, want ErrPartChanged", name, err)
			}
			if _, _, err := p.Finish(112); !errors.Is(err, stream.ErrPartChanged) {
				t.Errorf("%s: another end: %v, want ErrPartChanged", name, err)
			}
			if trailer, _, err := p.Finish(96); err != nil || !bytes.HasSuffix(want, trailer) {
				t.Errorf("%s: the same end: %x, %v", name, trailer, err)
			}
		}
		late := m.open(d)
		if err := late.Restore(append(open[:stream.PartStateSize], j.states[len(j.states)-stream.PartStateSize:]...)); !errors.Is(err, stream.ErrPartState) {
			t.Errorf("an end without its parts: %v, want ErrPartState", err)
		}
	})
}

// TestPartsMissing leaves parts out.
func TestPartsMissing(t *testing.T) {
	d := someParts()
	plan := []cut{{0, 32}, {32, 64}, {64, 100}}
	for i := range plan {
		p, j := partModes[0].open(d), &journal{body: make(map[int][]byte)}
		if err := encryptBatch(partModes[0], p, j, d.plain, slices.Delete(slices.Clone(plan), i, i+1)); err != nil {
			t.Fatal(err)
		}
		_, _, err := p.Finish(100)
		if want := fmt.Sprintf("none begins at %d", plan[i].from); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without part %d: %v, want %q", i, err, want)
		}
	}
	p := partModes[1].open(d)
	if _, _, err := p.Encrypt(nil, d.plain[32:64], 32); err == nil || errors.Is(err, stream.ErrPartChanged) {
		t.Errorf("CBC: a part before the one before it: %v, want an error that is none of the part", err)
	}
}

// TestPartsEmpty: the trailer is the whole object.
func TestPartsEmpty(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		d.plain = nil
		p := m.open(d)
		if _, _, err := p.Encrypt(nil, nil, 0); err == nil {
			t.Error("an empty part: no error")
		}
		for range 2 {
			if got, _, err := p.Finish(0); err != nil || !bytes.Equal(got, m.whole(d)) {
				t.Errorf("Finish = %x, %v, want %x", got, err, m.whole(d))
			}
		}
		if _, _, err := p.Encrypt(nil, text(16), 0); !errors.Is(err, stream.ErrPartChanged) {
			t.Errorf("a part of what has ended empty: %v, want ErrPartChanged", err)
		}
	})
}

// TestPartsBuffers encrypts in place, behind other bytes, into too little
// room, and across its own source.
func TestPartsBuffers(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		want := m.whole(d)[:112]
		if m.name == "GCM" {
			want = want[:100]
		}
		p := m.open(d)
		for name, spare := range map[string]int{"room": 64, "none": 0} {
			buf := append(make([]byte, 0, 100+spare), d.plain...)
			got, _, err := p.Encrypt(buf[:0], buf, 0)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("in place, %s: %x, %v, want %x", name, got, err, want)
			}
			if rest := buf[:cap(buf)]; spare > 0 && !bytes.Equal(rest[len(want):], make([]byte, len(rest)-len(want))) {
				t.Errorf("in place: wrote behind the part: %x", rest[len(want):])
			}
			dst := append(make([]byte, 0, 4+spare*3), "head"...)
			src := bytes.Clone(d.plain)
			got, _, err = p.Encrypt(dst, src, 0)
			if err != nil || string(got[:4]) != "head" || !bytes.Equal(got[4:], want) || !bytes.Equal(src, d.plain) {
				t.Errorf("appended, %s: %x, %v, want %x", name, got, err, want)
			}
		}
		for _, shift := range []int{1, 16, 99} {
			both := make([]byte, 400)
			if _, _, err := p.Encrypt(both[shift:shift], both[:100], 0); err == nil || errors.Is(err, stream.ErrPartChanged) {
				t.Errorf("dst %d behind src: %v, want an error that is none of the part", shift, err)
			}
			if _, _, err := p.Encrypt(both[:0], both[shift:shift+100], 0); err == nil || errors.Is(err, stream.ErrPartChanged) {
				t.Errorf("dst %d before src: %v, want an error that is none of the part", shift, err)
			}
		}
	})
}

// TestGCMPartsLimit goes to the end of the counter, where the textbook says
// what the ciphertext is.
func TestGCMPartsLimit(t *testing.T) {
	p := partModes[0].open(someParts())
	for _, room := range []int64{16, 48, 112} {
		off := stream.GCMMaxSize - 1<<30 - room
		got, _, err := p.Encrypt(nil, text(int(room)), off)
		if err != nil || !bytes.Equal(got, blocksAt(off, text(int(room)))) {
			t.Errorf("%d bytes at %d: %v, or wrong bytes", room, off, err)
		}
		p = partModes[0].open(someParts())
	}
	last := stream.GCMMaxSize - 48
	if got, _, err := p.Encrypt(nil, text(48), last); err != nil || !bytes.Equal(got, blocksAt(last, text(48))) {
		t.Errorf("the last 48 bytes of the limit: %v, or wrong bytes", err)
	}
	for _, c := range []struct{ off, n int64 }{{last, 49}, {last + 48, 1}, {1 << 62, 16}} {
		if _, _, err := p.Encrypt(nil, text(int(c.n)), c.off); !errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("%d bytes at %d: %v, want ErrTooLarge", c.n, c.off, err)
		}
	}
	if _, _, err := p.Finish(stream.GCMMaxSize + 1); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("Finish past the limit: %v, want ErrTooLarge", err)
	}
	for _, off := range []int64{-16, -1, 1, 8, 17} {
		if _, _, err := p.Encrypt(nil, text(16), off); err == nil {
			t.Errorf("a part at %d: no error", off)
		}
	}
}

// TestPartsWiped: nothing works after Wipe, and parts that were encrypted
// while it was called are whole or not there.
func TestPartsWiped(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		d.plain = text(1 << 20)
		p := stream.SetPartChunk(must(m.parts(d)), 4096)
		want := m.whole(d)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				got, _, err := p.Encrypt(nil, d.plain, 0)
				if err == nil && !bytes.Equal(got, want[:len(d.plain)]) || err != nil && err != stream.ErrClosed {
					t.Errorf("Encrypt during Wipe: %v, or wrong bytes", err)
				}
			})
		}
		p.Wipe()
		wg.Wait()
		p.Wipe()
		_, _, e1 := p.Encrypt(nil, d.plain, 0)
		_, _, e2 := p.Finish(0)
		if e3 := p.Restore(nil); e1 != stream.ErrClosed || e2 != stream.ErrClosed || e3 != stream.ErrClosed {
			t.Errorf("after Wipe: %v, %v, %v, want ErrClosed", e1, e2, e3)
		}
	})
}

// TestPartsLarge crosses the real chunk size, out of order, in place and not.
func TestPartsLarge(t *testing.T) {
	d := someParts()
	d.plain = text(5*stream.DefaultChunkSize + 77)
	size := 2*stream.DefaultChunkSize + 16
	plan := []cut{{2 * size, len(d.plain)}, {0, size}, {size, 2 * size}}
	p, j := must(partModes[0].parts(d)), &journal{body: make(map[int][]byte)}
	if err := encryptBatch(partModes[0], p, j, d.plain, plan); err != nil {
		t.Fatal(err)
	}
	if got, err := j.finish(p, len(d.plain)); err != nil || !bytes.Equal(got, d.gcm()) {
		t.Errorf("%v, or wrong bytes", err)
	}
	for _, n := range []int{1, 15, 16, 17, 256, 257, 1000} {
		d.plain = text(3*stream.DefaultChunkSize + n)
		p := must(partModes[0].parts(d))
		want := d.gcm()
		buf := append(make([]byte, 0, len(d.plain)+64), d.plain...)
		got, _, err := p.Encrypt(buf[:0], buf, 0)
		if err != nil || !bytes.Equal(got, want[:len(got)]) || len(got) != len(d.plain) {
			t.Errorf("len=%d, in place: %v, or wrong bytes", len(d.plain), err)
		}
		if behind := got[len(got):cap(buf)]; !bytes.Equal(behind, make([]byte, 64)) {
			t.Errorf("len=%d: left behind the part: %x", len(d.plain), behind)
		}
		got, _, err = p.Encrypt(make([]byte, 5, 5+len(d.plain)), d.plain, 0)
		if err != nil || !bytes.Equal(got[5:], want[:len(d.plain)]) || !bytes.Equal(d.plain, text(len(d.plain))) {
			t.Errorf("len=%d, elsewhere: %v, or wrong bytes", len(d.plain), err)
		}
		trailer, _, err := p.Finish(int64(len(d.plain)))
		if err != nil || !bytes.Equal(trailer, want[len(d.plain):]) {
			t.Errorf("len=%d: trailer %x, %v, want %x", len(d.plain), trailer, err, want[len(d.plain):])
		}
	}
}
