// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// builtBinary is the program as users have it. What tests of signals and pipes
// need is a process of its own.
var builtBinary struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	if report := os.Getenv(launchVar); report != "" {
		os.Exit(launch(report, os.Args[1:]))
	}
	code := s3test.Run(m)
	if builtBinary.dir != "" {
		os.RemoveAll(builtBinary.dir)
	}
	os.Exit(code)
}

// binaryPath builds the program, without -race, once.
func binaryPath(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	b := &builtBinary
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "s3seal-test-"); b.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", b.dir, ".").CombinedOutput()
		if err != nil {
			b.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	name := "s3seal"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.dir, name)
}

// patience is for a program that hangs. A machine that is busy is no such thing.
const patience = 2 * time.Minute

// A child is the program running.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// start runs the program with a pipe for stdin, which stays open.
func start(t *testing.T, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.CommandContext(t.Context(), binaryPath(t), args...)}
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	return c
}

// wait waits for the end of the program and returns its exit code.
func (c *child) wait(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(patience, func() { c.cmd.Process.Kill() })
	defer timer.Stop()
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.cmd.ProcessState.ExitCode() // -1 if a signal killed it
}

// interrupt sends a signal and wants the exit code for it, one line, and no
// data.
func (c *child) interrupt(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	c.wantInterrupted(t, sig, c.wait(t))
}

func (c *child) wantInterrupted(t *testing.T, sig os.Signal, code int) {
	t.Helper()
	if code != exitInterrupted {
		t.Errorf("exit code %d after %v, want %d; stderr %q", code, sig, exitInterrupted, c.stderr.String())
	}
	if got := c.stderr.String(); got != "s3seal: interrupted\n" {
		t.Errorf("stderr = %q, want that it was interrupted", got)
	}
}

// interruptIdle is interrupt for a program that waits, which is not to be seen from
// outside. One that has not come so far is ended as any program is by the signal,
// and gets more time in another try.
func interruptIdle(t *testing.T, sig os.Signal, args ...string) {
	t.Helper()
	for wait := 200 * time.Millisecond; ; wait *= 2 {
		c := start(t, args...)
		time.Sleep(wait)
		if err := c.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		code := c.wait(t)
		status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && status.Signal() == sig && wait < 10*time.Second {
			t.Logf("%v was too early", wait)
			continue
		}
		c.wantInterrupted(t, sig, code)
		return
	}
}

func signals(t *testing.T) []os.Signal {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no signals between processes")
	}
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by who runs the tests, and so by their children
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// needHangup skips where children are not to end when a terminal closes.
func needHangup(t *testing.T) {
	t.Helper()
	if !slices.Contains(signals(t), os.Signal(syscall.SIGHUP)) {
		t.Skip("SIGHUP is ignored here, as by nohup")
	}
}

// tree lists the files below dir.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // came and went
		}
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// waitFor waits until ok.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// TestInterruptedPut: a signal in the middle of a slow source leaves nothing,
// and what was there before.
func TestInterruptedPut(t *testing.T) {
	ks := newKeySet(t)
	for _, sig := range signals(t) {
		for _, format := range []string{"v3", "v1"} {
			t.Run(fmt.Sprint(sig, " ", format), func(t *testing.T) {
				root := filepath.Join(t.TempDir(), "v")
				at := "dir:" + root + "//x"
				cli(t, strings.NewReader("before"), "put", "-k", ks.aes, "-", at).want(t, exitOK)
				before := tree(t, root)

				c := start(t, "put", "-k", ks.aes, "--format", format, "-", at)
				if _, err := c.stdin.Write(pattern(3 << 20)); err != nil {
					t.Fatal(err)
				}
				waitFor(t, "a temporary file", func() bool { return len(tree(t, root)) > len(before) })
				c.interrupt(t, sig)

				if got := tree(t, root); strings.Join(got, "\n") != strings.Join(before, "\n") {
					t.Errorf("files after = %q, before = %q", got, before)
				}
				if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != "before" {
					t.Errorf("cat = %.20q, want what was there before", r.out)
				}
			})
		}
	}
}

// TestInterruptedPutOfNothing: nor does it if not a byte has come, or the
// source is a FIFO that nobody opens.
func TestInterruptedPutOfNothing(t *testing.T) {
	ks := newKeySet(t)
	sig := signals(t)[1]
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	fifo := filepath.Join(dir, "fifo")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Skipf("mkfifo: %v", err)
	}
	for _, src := range []string{"-", fifo} {
		interruptIdle(t, sig, "put", "-k", ks.aes, src, "dir:"+root+"//x")
		if got := tree(t, root); len(got) > 0 {
			t.Errorf("%s: files after = %q, want none", src, got)
		}
	}
}

func TestInterruptedSealAndOpen(t *testing.T) {
	ks := newKeySet(t)
	sig := signals(t)[0]
	dir := t.TempDir()
	meta := filepath.Join(dir, "m.json")
	c := start(t, "seal", "-k", ks.aes, "--metadata-out", meta)
	if _, err := c.stdin.Write(pattern(1 << 20)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a temporary file", func() bool { return len(tree(t, dir)) > 0 })
	c.interrupt(t, sig)
	wantFiles(t, dir)

	sealed := cli(t, bytes.NewReader(pattern(1<<20)), "seal", "-k", ks.aes, "--metadata-out", meta).want(t, exitOK).out
	c = start(t, "open", "-k", ks.aes, "--metadata", meta)
	if _, err := io.WriteString(c.stdin, sealed[:1<<19]); err != nil {
		t.Fatal(err)
	}
	c.interrupt(t, sig)
	if c.stdout.Len() > 0 {
		t.Errorf("open wrote %d bytes of half an object", c.stdout.Len())
	}
}

// TestClosedPipe: a reader that goes away, as head does, is a failed write, not a
// death by SIGPIPE, and no reason to say anything.
func TestClosedPipe(t *testing.T) {
	signals(t)
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	cli(t, io.LimitReader(zeros{}, 8<<20), "put", "-k", ks.aes, "-", at).want(t, exitOK)
	for _, args := range [][]string{{"cat", "-k", ks.aes, at}, {"stat", at}, {"ls", "--help"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		c := &child{cmd: exec.CommandContext(t.Context(), binaryPath(t), args...)}
		c.cmd.Stdout, c.cmd.Stderr = w, &c.stderr
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if code := c.wait(t); code != exitFailure || c.stderr.Len() > 0 {
			t.Errorf("%s: exit code %d, stderr %q; want %d and nothing", args[0], code, c.stderr.String(), exitFailure)
		}
	}
}

// TestBinary: the program as built does what run does.
func TestBinary(t *testing.T) {
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "vault", "README.md")
	c := start(t, "put", "--new-key", filepath.Join(dir, "vault.key"), "../../LICENSE", at)
	if code := c.wait(t); code != exitOK {
		t.Fatalf("put = %d: %s", code, c.stderr.String())
	}
	dst := filepath.Join(dir, "dst")
	c = start(t, "get", "-k", "aes:"+filepath.Join(dir, "vault.key"), at, dst)
	if code := c.wait(t); code != exitOK {
		t.Fatalf("get = %d: %s", code, c.stderr.String())
	}
	wantFile(t, dst, readFile(t, "../../LICENSE"))
	c = start(t, "get", at)
	if code := c.wait(t); code != exitUsage {
		t.Errorf("exit code %d for bad usage, want %d", code, exitUsage)
	}
}
