// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// launchVar makes the test binary a launcher: see measure.
const launchVar = "S3SEAL_TEST_LAUNCH"

// measure runs the program to its end, with a pipe for stdin, and fails the
// test if it needed more than limit bytes of memory.
//
// The system counts for a process what its parent held when it was started.
// Tests hold a lot, under the race detector above all, so that the program is
// started by a launcher that holds little: this binary again, without tests.
func measure(t *testing.T, limit int64, env []string, stdin io.Reader, args ...string) {
	t.Helper()
	measureOutput(t, limit, env, stdin, nil, args...)
}

// measureOutput is measure for a program that writes to stdout.
func measureOutput(t *testing.T, limit int64, env []string, stdin io.Reader, stdout io.Writer, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report")
	cmd := exec.CommandContext(t.Context(), self, append([]string{binaryPath(t)}, args...)...)
	cmd.Env = append(env, launchVar+"="+report)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, stderr.String())
	}
	took := time.Since(begin).Round(10 * time.Millisecond)
	rss, err := strconv.ParseInt(string(readFile(t, report)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v, maximum resident size %d MiB", args[0], took, rss>>20)
	if rss > limit {
		t.Errorf("%s: maximum resident size %d bytes, want at most %d", args[0], rss, limit)
	}
}

// launch runs the program args and reports its maximum resident size.
func launch(report string, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	rss, ok := maxRSS(cmd.ProcessState)
	if !ok {
		fmt.Fprintln(os.Stderr, "this system does not tell the memory of a process")
		return 1
	}
	if err := os.WriteFile(report, []byte(strconv.FormatInt(rss, 10)), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
