// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
)

// alterations change a ciphertext in all the ways that storage can, and judge
// what comes of it.
type alterations struct {
	// decrypt returns a function that decrypts data in way number i. Its
	// error is a breach that has nothing to do with the alteration.
	decrypt func() func(data []byte, i int) (result, error)

	in, want []byte
	opts     DecryptOptions
	observed func() []int // where the type was seen to read
	run      func(data []byte, i int) (result, error)
	dice     *rand.Rand
}

func (a *alterations) promises() []promise {
	return []promise{
		{"truncation", a.truncated},
		{"altered bits", a.flipped},
		{"added bytes", a.extended},
		{"moved pieces", a.moved},
	}
}

// edges are the places that deserve a look.
func (a *alterations) edges() []int {
	edges := slices.Concat(a.opts.Pieces, a.observed())
	slices.Sort(edges)
	return slices.Compact(edges)
}

// try decrypts data, whose first altered byte is number at. A cut is an
// alteration that leaves nothing from there on.
func (a *alterations) try(data []byte, at int, cut bool) error {
	if a.run == nil {
		a.run, a.dice = a.decrypt(), dice(13)
	}
	res, err := a.run(data, a.dice.IntN(1<<20))
	if err != nil {
		return err
	}
	if err := a.rejected(res.end, at, cut); err != nil {
		return fmt.Errorf("%w, after %d bytes of plaintext", err, len(res.out))
	}
	if cut {
		return a.opts.cutShort(a.want)(res.out)
	}
	return a.released(res.out, at)
}

// rejected judges how an altered stream ended.
func (a *alterations) rejected(end error, at int, cut bool) error {
	free := a.opts.Assurance >= Unauthenticated
	if a.opts.Sized && (cut || at >= len(a.in)) {
		free = !cut // it must miss what is missing, and need not see what follows
	}
	switch {
	case end == io.EOF && free:
		return nil
	case end == io.EOF:
		return errors.New("it was accepted as genuine")
	case bare(end):
		return fmt.Errorf("the error is a bare %q, which passes for an end", end)
	case a.opts.Rejected != nil && !errors.Is(end, a.opts.Rejected):
		return fmt.Errorf("the error, %q, does not wrap %q", end, a.opts.Rejected)
	}
	return nil
}

// released judges what came out of an altered stream.
func (a *alterations) released(out []byte, at int) error {
	switch a.opts.Assurance {
	case VerifiedWhole:
		if len(out) > 0 && !(a.opts.Sized && at >= len(a.in)) {
			return fmt.Errorf("released: %d bytes of an altered stream came out unverified", len(out))
		}
	case VerifiedPrefix:
		return prefix(out, a.want)
	default:
		// The plaintext of a byte lies ahead of it by at most what the format
		// adds, and the byte can spoil the block that it is in.
		at -= max(len(a.in)-len(a.want), 0)
		at = max(at, 0) &^ 15
		return prefix(out[:min(len(out), at)], a.want)
	}
	return nil
}

// truncated cuts the stream at every byte.
func (a *alterations) truncated() error {
	for _, n := range positions(len(a.in), a.edges()) {
		if n == len(a.in) {
			continue
		}
		if err := a.try(a.in[:n:n], n, true); err != nil {
			return fmt.Errorf("cut after byte %d of %d: %w", n, len(a.in), err)
		}
	}
	return nil
}

// flipped alters one bit at a time.
func (a *alterations) flipped() error {
	r := dice(8)
	data := bytes.Clone(a.in)
	for _, at := range positions(len(a.in), a.edges()) {
		if at == len(a.in) {
			continue
		}
		bits := []int{0, 1, 2, 3, 4, 5, 6, 7}
		if len(a.in) > exhaustive {
			bits = []int{r.IntN(8)}
		}
		for _, bit := range bits {
			data[at] ^= 1 << bit
			err := a.try(data, at, false)
			data[at] ^= 1 << bit
			if err != nil {
				return fmt.Errorf("bit %d of byte %d of %d flipped: %w", bit, at, len(a.in), err)
			}
		}
	}
	return nil
}

// extended appends bytes, and the stream to itself, and puts bytes ahead.
func (a *alterations) extended() error {
	r := dice(9)
	tails := [][]byte{a.in, {0}, {0xff}}
	for n := range 64 {
		if len(a.in) <= exhaustive || n < 2 || n == 15 {
			tails = append(tails, noise(r, n+1))
		}
	}
	for _, tail := range tails {
		if len(tail) == 0 {
			continue
		}
		if err := a.try(slices.Concat(a.in, tail), len(a.in), false); err != nil {
			return fmt.Errorf("%d bytes appended to %d: %w", len(tail), len(a.in), err)
		}
	}
	for _, n := range []int{1, 16} {
		data := slices.Concat(noise(r, n), a.in)
		if err := a.try(data, differ(data, a.in), false); err != nil {
			return fmt.Errorf("%d bytes put ahead of %d: %w", n, len(a.in), err)
		}
	}
	return nil
}

func noise(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// A move puts the pieces x and y, which follow each other, together anew.
type move struct {
	name string
	do   func(x, y []byte) []byte
}

func moves() []move {
	return []move{
		{"exchanged", func(x, y []byte) []byte { return slices.Concat(y, x) }},
		{"the first doubled", func(x, y []byte) []byte { return slices.Concat(x, x, y) }},
		{"the first dropped", func(x, y []byte) []byte { return y }},
		{"the first in place of the second", func(x, y []byte) []byte { return slices.Concat(x, x) }},
	}
}

// moved rearranges blocks of 16 bytes everywhere, the pieces of the format, and
// what the type was seen to read in one go.
func (a *alterations) moved() error {
	const block = 16
	r := dice(10)
	seen := make(map[int]bool)
	for _, k := range positions(len(a.in), a.edges()) {
		if k &^= block - 1; seen[k] {
			continue
		}
		seen[k] = true
		if err := a.move(k, k+block, k+2*block, some(r, len(a.in), moves())); err != nil {
			return err
		}
	}
	for _, edges := range [][]int{a.opts.Pieces, a.observed()} {
		edges = slices.Compact(slices.Concat([]int{0}, ends(edges, 8), []int{len(a.in)}))
		for i := range len(edges) - 2 {
			if err := a.move(edges[i], edges[i+1], edges[i+2], moves()); err != nil {
				return err
			}
		}
	}
	return nil
}

// ends returns the first n and the last n of list.
func ends(list []int, n int) []int {
	if len(list) <= 2*n {
		return list
	}
	return slices.Concat(list[:n], list[len(list)-n:])
}

// move rearranges in[i:j] and in[j:k].
func (a *alterations) move(i, j, k int, moves []move) error {
	n := len(a.in)
	i, j, k = min(i, n), min(j, n), min(k, n)
	for _, m := range moves {
		data := slices.Concat(a.in[:i], m.do(a.in[i:j], a.in[j:k]), a.in[k:])
		if bytes.Equal(data, a.in) {
			continue
		}
		at := differ(data, a.in)
		if err := a.try(data, at, at == len(data)); err != nil {
			return fmt.Errorf("bytes %d to %d and %d to %d of %d, %s: %w", i, j, j, k, n, m.name, err)
		}
	}
	return nil
}
