// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"os"
	"regexp"
	"slices"
	"strings"
)

// A mutant is a bug: one text of one file, which must be there exactly once, is
// another.
type mutant struct {
	name     string
	file     string // below the root of the module
	old, new string

	// packages are those whose tests should notice, in the order in which they
	// are asked.
	packages []string

	// auth is set where the bug lets something in, or out, that it should not.
	auth bool

	// equivalent, if not empty, says why no test can notice.
	equivalent string
}

// mutants are all there are.
var mutants = slices.Concat(streamMutants, wrapMutants, envelopeMutants, backendMutants, dirMutants)

// apply returns the file with the bug in it.
func (m *mutant) apply() ([]byte, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(src), m.old); n != 1 {
		return nil, fmt.Errorf("%s: want its text once in %s, found it %d times", m.name, m.file, n)
	}
	return []byte(strings.Replace(string(src), m.old, m.new, 1)), nil
}

// pick returns those whose name matches; of them n, if n is not 0. Which ones
// depends on the seed alone, so that a run can be repeated, and in the long run
// all have their turn.
func pick(all []mutant, match *regexp.Regexp, n int, seed string) []mutant {
	var chosen []mutant
	for _, m := range all {
		if match.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	if n <= 0 || n >= len(chosen) {
		return chosen
	}
	slices.SortFunc(chosen, func(a, b mutant) int { return cmp.Compare(rank(seed, a.name), rank(seed, b.name)) })
	return chosen[:n]
}

func rank(seed, name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(seed + "\x00" + name))
	return h.Sum64()
}
