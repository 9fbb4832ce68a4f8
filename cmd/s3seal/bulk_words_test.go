// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// refusedLine is what a job says in the end about what policy has refused.
var refusedLine = regexp.MustCompile(`(?m)^s3seal: (\d+) objects refused by policy: add (.*)$`)

// TestJobNamesAllFlags: what a job says in the end lets in all that it has refused,
// at the first attempt, and a dry run says so before.
func TestJobNamesAllFlags(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	there := "dir:" + filepath.Join(t.TempDir(), "new")
	for _, args := range [][]string{
		{"rewrap", "-r", "--dry-run", "--to", ks.otherAES, "--to", ks.otherRSA, root},
		{"rewrap", "-r", "--try", "--to", ks.otherAES, "--to", ks.otherRSA, root},
		{"migrate", "--dry-run", "--to", ks.otherAES, root, there},
		{"migrate", "--to", ks.otherAES, root, there},
		{"verify", root},
		{"rewrap", "-r", "--to", ks.otherAES, "--to", ks.otherRSA, root},
	} {
		args = append(args, "-k", ks.aes, "-k", ks.rsa, "--json")
		r := cli(t, nil, args...)
		s := summaryOf(t, r)
		line := refusedLine.FindStringSubmatch(r.err)
		if s.Failed != 8 || s.Done != 4 || line == nil || line[1] != "8" || line[2] != "--accept legacy" {
			t.Errorf("%s: %d done, %d failed, %q: want what lets in the 8 that are refused: %s", args[0], s.Done, s.Failed, line, r.err)
			continue
		}
		if !strings.Contains(r.err, "//p/v2-cbc-kw: refused by policy: format v2-cbc (AES-CBC, unauthenticated), wrap AESWrap: allow it with --accept legacy") {
			t.Errorf("%s: not all that one object takes: %s", args[0], r.err)
		}
		again := cli(t, nil, append(args, strings.Fields(line[2])...)...).want(t, exitOK)
		if s := summaryOf(t, again); s.Failed != 0 || s.Done+s.Skipped != int64(len(plain)) || refusedLine.MatchString(again.err) {
			t.Errorf("%s with %s: %+v, %s", args[0], line[2], s, again.err)
		}
	}
}

// TestJobLeavesOut: flags that forbid are named as well, and one object has no
// summary of many.
func TestJobLeavesOut(t *testing.T) {
	ks := newKeySet(t)
	root, _ := sealedFolder(t, ks)
	r := cli(t, nil, "verify", "-k", ks.aes, "-k", ks.rsa, "--require-bound", root)
	wantPartly(t, r, "s3seal: 12 objects refused by policy: add --accept legacy, leave out --require-bound\n",
		"//p/v2-aes: refused by policy: format v2 (AES-GCM), wrap AES/GCM: allow it with --accept v2; it is not bound to its bucket and key: allow it without --require-bound\n")
	r = cli(t, nil, "rewrap", "-k", ks.aes, "--to", ks.otherAES, root+"//p/v2-aes").want(t, exitPolicy, "--accept v2")
	if strings.Contains(r.err, "object") {
		t.Errorf("stderr = %q, want one line about the object", r.err)
	}
	r = cli(t, nil, "verify", "-k", ks.aes, root+"//p/v2-kw")
	wantPartly(t, r, "s3seal: 1 object refused by policy: add --accept legacy\n")
}

// TestSameWords: what is the matter with an object is said in the same words,
// whether it is one or among many, and whatever was to be done with it.
func TestSameWords(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	at := func(name string) string { return root + "//p/" + name }
	for _, c := range []struct {
		name  string
		flags []string
		read  bool // it fails of reading
	}{
		{"v2-aes", []string{"-k", ks.aes, "--to", ks.otherAES}, true},
		{"v1-rsa", []string{"-k", ks.rsa, "--to", ks.otherRSA}, true},
		{"v2-cbc-kw", []string{"-k", ks.aes, "--to", ks.otherAES, "--accept", "v2"}, true},
		{"chunked-aes", []string{"-k", ks.aes, "--to", ks.otherAES, "--require-bound"}, true},
		{"v3-aes", []string{"-k", ks.otherAES, "--to", ks.otherAES + "#kid=2"}, true},
		{"v3-aes", []string{"-k", ks.rsa, "--to", ks.otherRSA, "--to", ks.otherAES}, true},
		{"v3-rsa", []string{"-k", ks.aes, "--to", ks.otherAES, "--to", ks.otherRSA}, true},
		{"v3-aes", []string{"-k", ks.aes, "--to", ks.otherRSA}, false},
		{"v3-aes", []string{"-k", ks.aes, "--to", ks.aes, "--revoke"}, false},
		{"v2-kw", []string{"-k", ks.aes, "--to", ks.otherRSA, "--accept", "legacy", "--upgrade-wrap", "--must-not-open", ks.otherRSA}, false},
	} {
		t.Run(c.name+strings.Join(c.flags, " "), func(t *testing.T) {
			one := cli(t, nil, append(append([]string{"rewrap"}, c.flags...), at(c.name))...)
			many := cli(t, nil, append(append([]string{"rewrap", "-r"}, c.flags...), at(c.name))...)
			want := strings.TrimPrefix(one.err, "s3seal: ")
			if one.code == exitOK || many.code != exitPartly || !strings.HasPrefix(many.err, "s3seal: failed: "+want) {
				t.Errorf("one: %d, %s\nmany: %d, %s", one.code, one.err, many.code, many.err)
			}
			if !c.read {
				return
			}
			reading := []string{"cat"}
			for i, flag := range c.flags {
				if (flag == "-k" || flag == "--accept") && i+1 < len(c.flags) {
					reading = append(reading, flag, c.flags[i+1])
				}
				if flag == flagRequireBound {
					reading = append(reading, flag)
				}
			}
			if r := cli(t, nil, append(reading, at(c.name))...); r.code != one.code || r.err != one.err {
				t.Errorf("cat: %d, %s\nrewrap: %d, %s", r.code, r.err, one.code, one.err)
			}
			reading[0] = "verify"
			if r := cli(t, nil, append(reading, at(c.name))...); r.code != exitPartly || !strings.HasPrefix(r.err, "s3seal: failed: "+want) {
				t.Errorf("verify: %d, %s\nrewrap: %d, %s", r.code, r.err, one.code, one.err)
			}
		})
	}
	wantPlain(t, root, plain, ks.aes, ks.rsa)
}

// TestRewrapAgain: without a journal, too, what has the new key already is not
// written again, where that can be told.
func TestRewrapAgain(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	args := []string{"rewrap", "-r", "-k", ks.aes, "-k", ks.rsa, "--to", ks.otherAES + "#kid=2", "--to", ks.otherRSA, "--accept", "legacy", "--revoke", "--json", root}
	cli(t, nil, args...).want(t, exitOK)
	before := tree(t, strings.TrimPrefix(root, "dir:"))
	s := summaryOf(t, cli(t, nil, args...).want(t, exitOK))
	if s.Done != 2 || s.Reasons["under the new key already"] != int64(len(plain))-2 {
		t.Errorf("again: %+v, want the two of v1 only", s)
	}
	if after := tree(t, strings.TrimPrefix(root, "dir:")); len(after) != len(before) {
		t.Errorf("files %q, were %q", after, before)
	}
	wantPlain(t, root, plain, ks.otherAES, ks.otherRSA)
	one := cli(t, nil, "rewrap", "-k", ks.aes, "--to", ks.otherAES+"#kid=2", root+"//p/v3-aes").want(t, exitOK)
	if !strings.Contains(one.out, "skipped: 1 (1 under the new key already)") {
		t.Errorf("one object: %q", one.out)
	}
}

// TestRemedy: what is missing of all objects together, and no flag that would
// take away what is allowed already.
func TestRemedy(t *testing.T) {
	ctr := &envelope.Header{Suite: envelope.V2CTR, Wrap: wrap.AESKW, WrappedKey: make([]byte, 40), IV: make([]byte, 16)}
	gcm := &envelope.Header{Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: make([]byte, 12)}
	for _, c := range []struct {
		flags   acceptFlags
		headers []*envelope.Header
		want    string
	}{
		{acceptFlags{}, []*envelope.Header{gcm}, "add --accept v2"},
		{acceptFlags{}, []*envelope.Header{gcm, ctr}, "add --accept legacy " + flagCTR},
		{acceptFlags{}, []*envelope.Header{ctr, gcm}, "add --accept legacy " + flagCTR},
		{acceptFlags{Accept: acceptV2}, []*envelope.Header{ctr}, "add --accept legacy " + flagCTR},
		{acceptFlags{Accept: acceptLegacy}, []*envelope.Header{ctr}, "add " + flagCTR},
		{acceptFlags{CTR: true}, []*envelope.Header{ctr}, "add --accept legacy"},
		{acceptFlags{Accept: acceptLegacy, CTR: true, ContentAAD: "x"}, []*envelope.Header{ctr}, "leave out " + flagContentAAD},
		{acceptFlags{Accept: acceptV2, ContentAAD: "x"}, []*envelope.Header{gcm}, ""},
	} {
		if c.flags.Accept == "" {
			c.flags.Accept = acceptV3
		}
		opts, r := c.flags.options(), new(remedy)
		for _, h := range c.headers {
			if policy, ok := errors.AsType[*envelope.PolicyError](opts.Permit(h)); ok {
				r.add(policy)
			}
		}
		if got := r.forMany(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.flags, got, c.want)
		}
	}
}

// TestRangeNamesAllFlags: part of an object that is not accepted as a whole takes
// two flags, and both are said.
func TestRangeNamesAllFlags(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	cli(t, bytes.NewReader(pattern(100)), "put", "-k", ks.aes, "--format", "v2", "-", at).want(t, exitOK)
	flags := "--accept v2 " + flagRanges
	cli(t, nil, "cat", "-k", ks.aes, "--range", "0-9", at).want(t, exitPolicy, fmt.Sprintf("allow it with %s\n", flags))
	cli(t, nil, append([]string{"cat", "-k", ks.aes, "--range", "0-9", at}, strings.Fields(flags)...)...).want(t, exitOK)
}
