// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/s3seal/s3seal/bench/peers/peer"
)

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
