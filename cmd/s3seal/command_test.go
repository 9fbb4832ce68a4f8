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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// needShell skips where there is no sh, which the tests use as a command.
func needShell(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("no shell to run: %v", err)
	}
}

// alive says whether there is a process with that number.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

// putCommand stores what sh -c script writes.
func putCommand(t *testing.T, key, at, script string) result {
	t.Helper()
	return cli(t, nil, "put", "-q", "-k", key, "--from-command", at, "--", "sh", "-c", script)
}

// TestFromCommand: the output of a command that exits 0 is stored, of any other
// nothing is.
func TestFromCommand(t *testing.T) {
	needShell(t)
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	for _, c := range []struct {
		name, script, want string
	}{
		{"output", "printf 'a b'; printf c", "a bc"},
		{"nothing", "true", ""},
		{"closes its stdout early", "printf early; exec >&-; sleep 0.2", "early"},
		{"leaves the rest to another", "printf soon-; (sleep 0.2; printf late) &", "soon-late"},
	} {
		if r := putCommand(t, ks.aes, at, c.script).want(t, exitOK); r.out != "" || r.err != "" {
			t.Errorf("%s: stdout %q, stderr %q, want nothing", c.name, r.out, r.err)
		}
		if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != c.want {
			t.Errorf("%s: stored %q, want %q", c.name, r.out, c.want)
		}
	}
	before := tree(t, root)
	for _, c := range []struct {
		name, script, hint string
	}{
		{"exits 1", "echo x; exit 1", "exit status 1\n"},
		{"exits 1 after it closed its stdout", "echo x; exec >&-; sleep 0.2; exit 1", "exit status 1"},
		{"exits 1, but its child goes on", "sleep 15 2>&- & echo x; exit 1", "exit status 1"},
		{"is killed", "echo x; kill -9 $$", "signal: killed"},
		{"exits 1 after more than a part", "head -c 20000000 /dev/zero; exit 1", "exit status 1"},
	} {
		start := time.Now()
		putCommand(t, ks.aes, at, c.script).want(t, exitFailure, "s3seal: "+at+": command sh: ", c.hint)
		if took := time.Since(start); took > 12*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
		if got := tree(t, root); strings.Join(got, " ") != strings.Join(before, " ") {
			t.Errorf("%s: files after = %q, before = %q", c.name, got, before)
		}
	}
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != "soon-late" {
		t.Errorf("cat = %q, want what was there before", r.out)
	}
	r := putCommand(t, ks.aes, at, "echo complaint >&2")
	if r.code != exitOK || r.err != "complaint\n" {
		t.Errorf("exit code %d, stderr %q, want 0 and what the command wrote there", r.code, r.err)
	}
}

// TestFromCommandUsage: arguments reach the command as they are, and what is no
// command, or not to be run, is not run.
func TestFromCommandUsage(t *testing.T) {
	needShell(t)
	ks := newKeySet(t)
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	put := []string{"put", "-q", "-k", ks.aes}
	for _, c := range []struct {
		args []string
		code int
		hint string
	}{
		{[]string{"--from-command", at, "sh"}, exitUsage, "-- COMMAND"},
		{[]string{"--from-command", at}, exitUsage, "<dst>"},
		{[]string{"--from-command", "--", at, "sh"}, exitUsage, "-- COMMAND"},
		{[]string{"-", at, "sh"}, exitUsage, "--from-command"},
		{[]string{"--from-command", "--expect-size", "-1", at, "--", "sh"}, exitUsage, "--expect-size"},
		{[]string{"--from-command", at, "--", "no-such-command-here"}, exitFailure, "no-such-command-here"},
		{[]string{"--from-command", "--expect-size", "3", at, "--", "printf", "ab"}, exitFailure, "size"},
		{[]string{"--from-command", at + "/../y", "--", "touch", filepath.Join(dir, "run")}, exitUsage, "key"},
	} {
		cli(t, nil, append(put, c.args...)...).want(t, c.code, c.hint)
	}
	cli(t, nil, "put", "--new-key", filepath.Join(dir, "new.key"), "--from-command", at, "--", "no-such-command-here").want(t, exitFailure)
	cli(t, nil, append(put, "--from-command", "--expect-size", "11", at, "--", "printf", "%s,", "-k", "--", "", "a b")...).want(t, exitOK)
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != "-k,--,,a b," {
		t.Errorf("the command got %q", r.out)
	}
	wantFiles(t, dir, "v")
}

// TestFromCommandSilent: what holds the stdout of a command for ever neither
// hangs the put nor is cut off.
func TestFromCommandSilent(t *testing.T) {
	needShell(t)
	a := &app{stderr: io.Discard}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	c := a.newCommand(t.Context(), sh, []string{"sh", "-c", "printf x; sleep 5 2>&- &"})
	c.linger = 500 * time.Millisecond
	got, err := io.ReadAll(c)
	if err == nil || !strings.Contains(err.Error(), "stdout open") || string(got) != "x" {
		t.Errorf("read %q, %v, want x and that something keeps stdout open", got, err)
	}
	if _, again := c.Read(make([]byte, 1)); again != err {
		t.Errorf("a second Read = %v, want %v", again, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestFromCommandClosed: a source that is no longer wanted, because the upload
// has failed, ends its program.
func TestFromCommandClosed(t *testing.T) {
	needShell(t)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	c := (&app{stderr: io.Discard}).newCommand(t.Context(), sh, []string{"sh", "-c", "echo $$; exec sleep 60"})
	buf := make([]byte, 20)
	n, err := c.Read(buf)
	pid, perr := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || perr != nil {
		t.Fatal(err, perr)
	}
	start := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("Close took %v", took)
	}
	if alive(pid) {
		t.Errorf("process %d still runs", pid)
	}
	if _, err := c.Read(buf); err == nil || err == io.EOF {
		t.Errorf("Read after Close = %v, want an error", err)
	}
}

// TestFromCommandInterrupted: a signal ends the command as well, also one that
// calls that a success, and nothing is left.
func TestFromCommandInterrupted(t *testing.T) {
	needShell(t)
	ks := newKeySet(t)
	for _, sig := range signals(t) {
		dir := t.TempDir()
		root, pidFile := filepath.Join(dir, "v"), filepath.Join(dir, "pid")
		script := fmt.Sprintf(`trap 'exit 0' TERM; echo x; echo $$ >%s; while :; do sleep 0.05; done`, pidFile)
		c := start(t, "put", "-k", ks.aes, "--from-command", "dir:"+root+"//x", "--", "sh", "-c", script)
		var pid int
		waitFor(t, "the command", func() bool {
			data, err := os.ReadFile(pidFile)
			if err == nil {
				pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
			}
			return err == nil
		})
		c.interrupt(t, sig)
		if alive(pid) {
			t.Errorf("after %v process %d still runs", sig, pid)
		}
		if got := tree(t, root); len(got) > 0 {
			t.Errorf("after %v: files = %q, want none", sig, got)
		}
	}
}

// TestFromCommandSignals: the program ignores SIGPIPE, but the command does not
// inherit that, and can end when it is no longer read.
func TestFromCommandSignals(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skipf("what a process ignores is not to be seen here: %v", err)
	}
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	c := start(t, "put", "-q", "-k", ks.aes, "--from-command", at, "--", "grep", "SigIgn", "/proc/self/status")
	if code := c.wait(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, c.stderr.String())
	}
	out := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK).out
	ignored, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(out, "SigIgn:")), 16, 64)
	if err != nil || ignored&(1<<(syscall.SIGPIPE-1)) != 0 {
		t.Errorf("the command ignores %x, %v, want not SIGPIPE", ignored, err)
	}
}

// TestS3FromCommand: a command that fails leaves neither an object nor an upload
// on a server, in one PUT or in many parts, nor harms the object before.
func TestS3FromCommand(t *testing.T) {
	needShell(t)
	ks := newKeySet(t)
	scripts := []string{"echo x; exit 1", "head -c 20000000 /dev/zero; exit 1", "head -c 20000000 /dev/zero; kill -9 $$"}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		at := "s3://" + bucket + "/x"
		put := func(format string, command ...string) *child {
			args := append([]string{"put", "-q", "-k", ks.aes, "--format", format, "--from-command", at, "--"}, command...)
			return startEnv(t, s3Env(srv), args...)
		}
		fails := func(format, script string) {
			c := put(format, "sh", "-c", script)
			if code := c.wait(t); code != exitFailure || strings.Count(c.stderr.String(), "\n") != 1 {
				t.Errorf("%s, %s: exit code %d, want %d; stderr %s", format, script, code, exitFailure, c.stderr.String())
			}
		}
		for i, script := range scripts {
			fails([]string{"v3", "chunked", "v2-cbc"}[i], script)
			wantNothing(t, srv, bucket)
		}
		c := put("v3", "head", "-c", "20000000", "/dev/zero")
		if code := c.wait(t); code != exitOK {
			t.Fatalf("exit code %d: %s", code, c.stderr.String())
		}
		for i, script := range scripts {
			fails([]string{"chunked", "v3", "v3"}[i], script)
		}
		if got, n := srv.Objects(t, bucket), srv.IncompleteUploads(t, bucket); len(got) != 1 || n != 0 {
			t.Errorf("objects = %q and %d uploads, want one", got, n)
		}
		cat := startEnv(t, s3Env(srv), "cat", "-k", ks.aes, at)
		if code := cat.wait(t); code != exitOK || !bytes.Equal(cat.stdout.Bytes(), make([]byte, 20_000_000)) {
			t.Errorf("cat = %d, %d bytes, want what was there before", code, cat.stdout.Len())
		}
	})
}
