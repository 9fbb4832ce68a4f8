// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// A sample is one line of results.
type sample struct {
	base   string            // the name of the benchmark
	keys   map[string]string // what it was told
	procs  int
	values map[string]float64 // by unit, in seconds and bytes
}

// measured is what is known of a part.
type measured struct {
	header  map[string]string
	samples []sample
	text    string // the lines themselves
}

// results are all parts that have been measured, by name.
type results map[string]*measured

// readResults reads the files that measure has written.
func readResults(dir string) (results, error) {
	r := make(results)
	for _, name := range partNames() {
		text, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		if os.IsNotExist(err) {
			r[name] = &measured{}
			continue
		}
		if err != nil {
			return nil, err
		}
		if r[name], err = parse(name, text); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func parse(name string, text []byte) (*measured, error) {
	m := &measured{header: header(text), text: string(text)}
	in := benchfmt.NewReader(bytes.NewReader(text), name)
	for in.Scan() {
		result, ok := in.Result().(*benchfmt.Result)
		if !ok {
			continue // a table of other form, or "ok"
		}
		m.samples = append(m.samples, newSample(result))
	}
	return m, in.Err()
}

// header returns the lines of the form "key: value". The first of a key counts:
// go test knows the processor less well.
func header(text []byte) map[string]string {
	h := make(map[string]string)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), ": ")
		if _, known := h[key]; ok && !known && !strings.ContainsAny(key, " \t") {
			h[key] = value
		}
	}
	return h
}

func newSample(r *benchfmt.Result) sample {
	base, rest := r.Name.Parts()
	s := sample{base: string(base), keys: make(map[string]string), procs: 1, values: make(map[string]float64)}
	for _, p := range rest {
		if n, ok := bytes.CutPrefix(p, []byte("-")); ok {
			s.procs, _ = strconv.Atoi(string(n)) // what is not a number is no suffix for benchfmt
			continue
		}
		key, value, _ := strings.Cut(strings.TrimPrefix(string(p), "/"), "=")
		s.keys[key] = value
	}
	for _, v := range r.Values {
		s.values[v.Unit] = v.Value
	}
	return s
}

// where returns the samples that have the values that follow their keys.
func (m *measured) where(base string, keyValues ...string) *measured {
	return m.filter(func(s sample) bool {
		for i := 0; i < len(keyValues); i += 2 {
			if s.keys[keyValues[i]] != keyValues[i+1] {
				return false
			}
		}
		return s.base == base
	})
}

// on returns the samples that had so many cores.
func (m *measured) on(procs int) *measured {
	return m.filter(func(s sample) bool { return s.procs == procs })
}

func (m *measured) filter(keep func(s sample) bool) *measured {
	f := &measured{header: m.header}
	for _, s := range m.samples {
		if keep(s) {
			f.samples = append(f.samples, s)
		}
	}
	return f
}

// distinct returns the values of a key, in the order in which they came.
func (m *measured) distinct(key string) []string {
	var values []string
	for _, s := range m.samples {
		if v, ok := s.keys[key]; ok && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// procs returns the numbers of cores, in order.
func (m *measured) procs() []int {
	var n []int
	for _, s := range m.samples {
		if !slices.Contains(n, s.procs) {
			n = append(n, s.procs)
		}
	}
	slices.Sort(n)
	return n
}

// median returns the median of the values in unit and how many there are.
func (m *measured) median(unit string) (center float64, n int) {
	var values []float64
	for _, s := range m.samples {
		if v, ok := s.values[unit]; ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, 0
	}
	sample := benchmath.NewSample(values, &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(sample, 0.95).Center, len(values)
}

// runs returns how often each row was measured, as a text.
func (m *measured) runs() string {
	count := make(map[string]int)
	for _, s := range m.samples {
		count[fmt.Sprint(s.base, s.keys, s.procs)]++
	}
	low, high := 0, 0
	for _, n := range count {
		if low == 0 || n < low {
			low = n
		}
		high = max(high, n)
	}
	if high == 0 {
		return "" // it has lines of its own kind
	}
	if low == high {
		return strconv.Itoa(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}
