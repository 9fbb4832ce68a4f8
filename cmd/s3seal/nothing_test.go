// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestNothingThere: where no object is at all, the address is misspelt; where there
// is nothing left to do, all is well.
func TestNothingThere(t *testing.T) {
	ks, tmp := newKeySet(t), t.TempDir()
	root := "dir:" + filepath.Join(tmp, "v")
	cli(t, strings.NewReader("x"), "put", "-q", "-k", ks.aes, "-", root+"//p/x").want(t, exitOK)
	manifest := writeFile(t, tmp, "m.csv", []byte("any,p/x\n"))
	commands := map[string][]string{
		"verify":  {"-k", ks.aes},
		"audit":   {},
		"rewrap":  {"-k", ks.aes, "--to", ks.otherAES, "-r"},
		"migrate": {"-k", ks.aes, "--to", ks.otherAES},
	}
	run := func(command, at string, more ...string) result {
		t.Helper()
		args := append(append([]string{command, "-q"}, commands[command]...), at)
		if command == "migrate" {
			args = append(args, "dir:"+filepath.Join(tmp, "new")+"//n/")
		}
		return cli(t, nil, append(args, more...)...)
	}
	for command := range commands {
		run(command, root+"//q/").want(t, exitNotFound, "s3seal: nothing under "+root+"//q/\n")
		run(command, root+"//q/", "--manifest", manifest).want(t, exitNotFound, "nothing under "+root+"//q/ in --manifest "+manifest)
		run(command, "dir:"+filepath.Join(tmp, "none")).want(t, exitNotFound, ": not found\n")
		if command != "audit" {
			run(command, root+"//q/", "--dry-run").want(t, exitNotFound, "nothing under")
		}
	}
	journal := filepath.Join(tmp, "journal")
	for range 2 {
		run("verify", root+"//p/", "--journal", journal).want(t, exitOK)
	}
	for _, shard := range []string{"0/2", "1/2"} {
		run("verify", root+"//p/", "--shard", shard).want(t, exitOK)
		run("audit", root+"//p/", "--shard", shard).want(t, exitOK)
	}
	if r := cli(t, nil, "ls", root+"//q/").want(t, exitOK); r.out != "" || r.err != "" {
		t.Errorf("ls of nothing: %q, %q", r.out, r.err)
	}
	list := writeFile(t, tmp, "list", []byte(strings.Repeat("ab", 32)+"  q/y\n"))
	wantPartly(t, run("verify", root+"//q/", "--against", list), "q/y: not found")
	if r := run("audit", root+"//q/", "--json"); !strings.Contains(r.out, `"rows": []`) {
		t.Errorf("audit --json of nothing = %q, want a report", r.out)
	}
}

// TestNoBucket: that the bucket is missing is said once, and is not found.
func TestNoBucket(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		useServer(t, srv)
		const none, message = "s3://s3seal-is-not-there/p/", "s3seal: s3://s3seal-is-not-there: there is no such bucket\n"
		for _, args := range [][]string{
			{"ls"},
			{"audit"},
			{"verify", "-k", ks.aes},
			{"rewrap", "-q", "-r", "-k", ks.aes, "--to", ks.otherAES},
			{"migrate", "-k", ks.aes, "--in-place"},
		} {
			cli(t, nil, append(args, none)...).want(t, exitNotFound, message)
		}
		root := "dir:" + filepath.Join(t.TempDir(), "v")
		for _, key := range []string{"x", "y"} {
			cli(t, strings.NewReader(key), "put", "-q", "-k", ks.aes, "-", root+"//"+key).want(t, exitOK)
		}
		if r := cli(t, nil, "migrate", "-k", ks.aes, root, none).want(t, exitNotFound); r.err != message || r.out != "" {
			t.Errorf("migrate: %q, %q, want %q once", r.out, r.err, message)
		}
	})
}
