// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/s3seal/s3seal/bench/peers/peer"
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
	cpus := "1"
	for n := 2; n <= runtime.NumCPU(); n = min(2*n, max(n+1, runtime.NumCPU())) {
		cpus += "," + strconv.Itoa(n)
	}
	return j.bench(ctx, out, "^BenchmarkStream$/././^how=(ReadFrom|WriteTo)$/^size="+pick(j, "64KiB", "64MiB")+"$", cpus)
}

func (j *job) bench(ctx context.Context, out io.Writer, pattern, cpus string) error {
	return j.run(ctx, out, nil, "go", "test", "-run", "^$", "-bench", pattern, "-cpu", cpus, "-timeout", "30m",
		"-benchtime", pick(j, "1x", "100ms"), "-count", pick(j, "1", "5"), "./bench")
}

// Of openssl speed -mr the line that has a result, in bytes a second.
var opensslResult = regexp.MustCompile(`(?m)^\+F:\d+:[^:]+:([0-9.]+)$`)

// openssl is what OpenSSL says of itself, on one core.
func (j *job) openssl(ctx context.Context, out io.Writer) error {
	if _, err := exec.LookPath("openssl"); err != nil {
		_, err := fmt.Fprintln(out, "note: there is no OpenSSL on this machine")
		return err
	}
	fmt.Fprintf(out, "versions: %s\n", j.version(ctx, "openssl", "version"))
	for _, m := range []struct{ mode, op, cipher string }{
		{"CBC", "encrypt", "aes-256-cbc"},
		{"CBC", "decrypt", "aes-256-cbc"},
		{"GCM", "encrypt", "aes-256-gcm"},
		{"GCM", "decrypt", "aes-256-gcm"},
		{"CTRRange", "decrypt", "aes-256-ctr"},
	} {
		for range pick(j, 1, 3) {
			for _, size := range pick(j, []int{64 << 10}, []int{64 << 10, 1 << 20}) {
				if err := j.opensslSpeed(ctx, out, m.mode, m.op, m.cipher, size); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (j *job) opensslSpeed(ctx context.Context, out io.Writer, mode, op, cipher string, size int) error {
	args := []string{"speed", "-mr", "-elapsed", "-seconds", "1", "-bytes", strconv.Itoa(size), "-evp", cipher}
	if op == "decrypt" {
		args = append(args, "-decrypt")
	}
	var said strings.Builder
	if err := j.run(ctx, &said, nil, "openssl", args...); err != nil {
		return err
	}
	m := opensslResult.FindStringSubmatch(said.String())
	if m == nil {
		return fmt.Errorf("openssl speed said %q, want a line +F:…", tail(said.String()))
	}
	rate, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "BenchmarkOpenSSL/mode=%s/op=%s/size=%s\t%.0f\t%.0f ns/op\t%.2f MB/s\n",
		mode, op, peer.SizeName(int64(size)), rate/float64(size), float64(size)/rate*1e9, rate/1e6)
	return err
}

// transfer is what the command of that name prints, which is a table already.
func (j *job) transfer(ctx context.Context, out io.Writer) error {
	const dir = "bench/transfer"
	if _, err := os.Stat(filepath.Join(j.root, filepath.FromSlash(dir))); err != nil {
		return err
	}
	if err := findMinIO(); err != nil {
		_, err := fmt.Fprintf(out, "note: %v\n", err)
		return err
	}
	bin, err := j.build(ctx, dir)
	if err != nil {
		return err
	}
	return j.run(ctx, out, nil, bin, "-again", "-size", pick(j, "1", "256"))
}
