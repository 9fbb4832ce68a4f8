// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/bench/internal/score"
)

const rounds = 7

func (p *pair) rows() []score.Row {
	name, unsigned := "http signed", false
	if p.secure {
		name, unsigned = "TLS unsigned", true
	}
	put := func(name string, src source, bar float64, unsigned bool) score.Row {
		return p.row(name, bar, func() error { return nil }, // a put replaces what is there
			func() error { return p.putTheirs(src, unsigned) }, func() error { return p.putOurs(src) })
	}
	rows := []score.Row{
		put(name+"/put/known size", p.memory, bar, unsigned),
		put(name+"/put/from a pipe", p.pipe, bar, unsigned),
	}
	if !p.secure {
		rows = append(rows, put("http, theirs unsigned/put", p.memory, 0, true))
	}
	get := func(name string, theirs func() error, ours *backend.Bucket, bar float64) score.Row {
		return p.row(name, bar, p.dropFiles, theirs, func() error { return p.getOurs(ours) })
	}
	// The objects of the last put are still there.
	rows = append(rows,
		get(name+"/get/file", p.getTheirs, p.fast, bar),
		get(name+"/get/file on disk", p.getTheirsSynced, p.ours, bar))
	if !p.secure {
		rows = append(rows, get(name+"/get/only ours on disk", p.getTheirs, p.ours, 0))
	}
	return rows
}

func (p *pair) row(name string, bar float64, drop func() error, theirs, ours func() error) score.Row {
	return score.Row{Name: name, Size: len(p.data), Bar: bar, Real: true, Measure: func() (score.Result, error) {
		return p.versus(bar, drop, theirs, ours)
	}}
}

// versus has both take turns, each going first as often as the other. drop removes
// what they have left, which is nobody's time.
func (p *pair) versus(bar float64, drop, theirs, ours func() error) (score.Result, error) {
	var quot []float64
	var rate, cpu [2][]float64
	cores := runtime.GOMAXPROCS(0)
	gib := float64(len(p.data)) / (1 << 30)
	for i := range rounds + 1 {
		var t [2]score.Turn
		for j := range 2 {
			side := (i + j) % 2
			if err := drop(); err != nil {
				return score.Result{}, err
			}
			var err error
			if t[side], err = score.Timed(cores, 1, [2]func() error{theirs, ours}[side]); err != nil {
				return score.Result{}, err
			}
		}
		if i == 0 {
			continue // opens connections
		}
		for side := range t {
			rate[side] = append(rate[side], gib*1024/t[side].Wall.Seconds())
			cpu[side] = append(cpu[side], t[side].CPU.Seconds()/gib)
		}
		quot = append(quot, float64(t[0].Wall)/float64(t[1].Wall))
	}
	r := score.Result{Ratio: score.Median(quot), Text: fmt.Sprintf("%4.0f MiB/s %4.0f MiB/s, cpu %.2f %.2f s/GiB",
		score.Median(rate[0]), score.Median(rate[1]), score.Median(cpu[0]), score.Median(cpu[1]))}
	if low, high := score.Quantile(quot, 0.25), score.Quantile(quot, 0.75); r.Ratio < bar && high >= bar {
		r.Doubt = fmt.Sprintf("half of the rounds are from %.2f to %.2f", low, high)
	}
	return r, nil
}

func (p *pair) dropFiles() error {
	for _, name := range []string{"theirs", "ours"} {
		if err := os.Remove(p.path(name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
