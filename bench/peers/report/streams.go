// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"runtime"
	"strconv"
	"strings"
)

// streams is package bench on one core: every mode, operation, way and size.
func (j *job) streams(ctx context.Context, out io.Writer) error {
	if !j.quick {
		return j.bench(ctx, out, "^Benchmark(Stream|Copy|Wrap)$", "1")
	}
	if err := j.bench(ctx, out, "^BenchmarkStream$/./^op=(en|de)crypt$/./^size=64KiB$", "1"); err != nil {
		return err
	}
	return j.bench(ctx, out, "^Benchmark(Copy|Wrap)$/^(size=64KiB|alg=.*[MpG](|2048))$", "1")
}

// scaling is the part of it that uses all cores, on more and more of them.
func (j *job) scaling(ctx context.Context, out io.Writer) error {
	cpus := []string{"1"}
	for n := 2; n <= runtime.NumCPU(); n = min(2*n, max(n+1, runtime.NumCPU())) {
		cpus = append(cpus, strconv.Itoa(n))
	}
	return j.bench(ctx, out, "^BenchmarkStream$/././^how=(ReadFrom|WriteTo)$/^size="+pick(j, "64KiB", "64MiB")+"$", strings.Join(cpus, ","))
}

func (j *job) bench(ctx context.Context, out io.Writer, pattern, cpus string) error {
	return j.run(ctx, out, nil, "go", "test", "-run", "^$", "-bench", pattern, "-cpu", cpus, "-timeout", "30m",
		"-benchtime", pick(j, "1x", "100ms"), "-count", pick(j, "1", "5"), "./bench")
}
