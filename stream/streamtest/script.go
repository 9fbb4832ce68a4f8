// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

const (
	// exhaustive is the size in bytes up to which every position is tried.
	exhaustive = 4 << 10

	// long is the size in bytes above which nothing is done byte by byte.
	long = 64 << 10

	// budget is how many bytes may pass through for one promise above that.
	budget = 8 << 20
)

// dice returns a generator of its own for each purpose, so that what one
// promise tries does not depend on what others did before.
func dice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x73747265616d)) }

// A split is a way to cut a stream into calls.
type split struct {
	name  string
	sizes []int // in turn, over and over; half means half of what was asked
}

// half is what iotest.HalfReader yields.
const half = -1

func (s split) String() string { return s.name }

// size returns the size of call number i.
func (s split) size(i int) int { return s.sizes[i%len(s.sizes)] }

// calls estimates how many calls a stream of n bytes takes.
func (s split) calls(n int) int {
	sum := 1
	for _, size := range s.sizes {
		if size == half {
			size = n
		}
		sum += size
	}
	return n * len(s.sizes) / sum
}

// brisk returns those ways that are fit for hundreds of runs: all if the
// stream is short, otherwise those that take few calls.
func brisk[T interface{ calls(n int) int }](ways []T, n int) []T {
	return slices.DeleteFunc(slices.Clone(ways), func(w T) bool {
		return n > exhaustive && w.calls(n) > 100
	})
}

// smallest returns the smallest size of call that a stream of n bytes is to be
// cut into. It is odd, so that it meets a block at every place.
func smallest(n int) int {
	if n <= long {
		return 1
	}
	return 61 + n>>14&^1
}

// splits returns ways to cut a stream of n bytes. The sizes are those at which
// block ciphers go wrong: blocks and pairs of blocks, more or less one byte.
func splits(n int) []split {
	list := []split{{"all at once", []int{n + 1}}, {"two halves", []int{n/2 + 1}}}
	steps := []int{1, 2, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 512}
	switch {
	case n > long:
		steps = []int{smallest(n), 512, 4095, 65536, 65536 + 16}
	case n > exhaustive:
		steps = []int{1, 17, 512, 4095}
	}
	for _, step := range steps {
		if step <= n {
			list = append(list, split{fmt.Sprintf("%d each", step), []int{step}})
		}
	}
	list = append(list, split{"empty calls between", []int{0, 1, 0, 0, 16, 0, n/8 + 1}})
	for seed := range uint64(6) {
		list = append(list, randomSplit(seed, n))
	}
	return list
}

// randomSplit draws sizes of all magnitudes alike.
func randomSplit(seed uint64, n int) split {
	r := dice(seed)
	sizes := make([]int, 12)
	for i := range sizes {
		sizes[i] = r.IntN(1 << r.IntN(bits.Len(uint(n))+2))
	}
	sizes[r.IntN(len(sizes))] = n/4 + 1 // or nothing might ever be called for
	return split{fmt.Sprintf("random sizes %v", sizes), sizes}
}

// positions returns the places in a stream of n bytes, n itself included, at
// which something is to go wrong. Edges are places that deserve a look.
func positions(n int, edges []int) []int {
	if n <= exhaustive {
		all := make([]int, n+1)
		for i := range all {
			all[i] = i
		}
		return all
	}
	p := picker{n: n, most: min(max(budget/n, 64), 256), seen: make(map[int]bool)}
	for i := range 20 {
		p.add(i)
		p.add(n - i)
	}
	r := dice(1)
	edges = slices.Clone(edges)
	r.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
	for _, e := range edges[:min(len(edges), p.most/16)] {
		for _, d := range []int{0, -1, 1, -16, 16} {
			p.add(e + d)
		}
	}
	for len(p.list) < p.most {
		p.add(r.IntN(n))
	}
	return p.list
}

// fewPlaces returns places for what does not depend much on the place.
func fewPlaces(n int, edges []int) []int {
	places := []int{0, 1, n / 3, n / 2, n - 1, n}
	for _, e := range edges[:min(len(edges), 4)] {
		places = append(places, e-1, e, e+1)
	}
	slices.Sort(places)
	places = slices.DeleteFunc(places, func(k int) bool { return k < 0 || k > n })
	return slices.Compact(places)
}

// A picker collects different positions in 0…n.
type picker struct {
	n, most int
	seen    map[int]bool
	list    []int
}

func (p *picker) add(k int) {
	if k < 0 || k > p.n || p.seen[k] || len(p.list) >= p.most {
		return
	}
	p.seen[k] = true
	p.list = append(p.list, k)
}

// some returns all of list for a short stream, for which that is cheap, and
// one of it otherwise.
func some[T any](r *rand.Rand, n int, list []T) []T {
	if n <= 128 {
		return list
	}
	i := r.IntN(len(list))
	return list[i : i+1]
}
