// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestHangupTwice: a terminal that closes sends SIGHUP once by the shell in it,
// and once more when that has ended. The second one does not keep the first from
// cleaning up, also where that takes its time.
func TestHangupTwice(t *testing.T) {
	needShell(t)
	needHangup(t)
	ks := newKeySet(t)
	dir := t.TempDir()
	root, begun, told := filepath.Join(dir, "v"), filepath.Join(dir, "begun"), filepath.Join(dir, "told")
	script := fmt.Sprintf(`trap 'echo >%s; exec sleep 1' TERM; echo x; echo >%s; while :; do sleep 0.05; done`, told, begun)
	c := start(t, "put", "-k", ks.aes, "--from-command", "dir:"+root+"//x", "--", "sh", "-c", script)
	for _, file := range []string{begun, told} {
		waitFor(t, file, func() bool { _, err := os.Stat(file); return err == nil })
		if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	c.wantInterrupted(t, syscall.SIGHUP, c.wait(t))
	if got := tree(t, root); len(got) > 0 {
		t.Errorf("files = %q, want none", got)
	}
}

// TestNoHangup: who is told to ignore SIGHUP, as by nohup, goes on.
func TestNoHangup(t *testing.T) {
	needShell(t)
	signals(t)
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	c := &child{cmd: exec.CommandContext(t.Context(), "sh", "-c", `trap '' HUP; exec "$@"`, "sh", binaryPath(t), "put", "-q", "-k", ks.aes, "-", at)}
	c.cmd.Stderr = &c.stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	if _, err := stdin.Write(pattern(1 << 20)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a temporary file", func() bool { return len(tree(t, root)) > 0 })
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // what it would die in
	stdin.Close()
	if code := c.wait(t); code != exitOK || c.stderr.Len() > 0 {
		t.Fatalf("exit code %d, stderr %q, want 0 and nothing", code, c.stderr.String())
	}
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); !bytes.Equal([]byte(r.out), pattern(1<<20)) {
		t.Errorf("cat = %d bytes, want what was put", len(r.out))
	}
}
