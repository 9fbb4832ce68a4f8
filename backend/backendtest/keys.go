// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// plainKeys are keys that every storage must hold.
var plainKeys = []string{
	"plain",
	"with blank.txt",
	"two  blanks",
	"Upper/CASE.Txt",
	"ünï/漢字/🔑.bin",
	"e\u0301 and \u00e9", // decomposed and composed: two spellings of one letter
	"a+b=c&d",
	"100%",
	"percent%2Fencoded",
	"percent%252F",
	"question?mark#hash",
	"colon:semi;comma,at@",
	"quote'double\"back`",
	"(round)[square]{curly}<angle>",
	"star*pipe|dollar$tilde~",
	"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
	"dots.in.name/...three",
	"dash-and_low",
	"-begins-with-dash",
	"like.an.instruction",
	"backup/2026-01-01T00:00:00Z.tar.gz",
	strings.Repeat("long", 50),
}

// keys stores one object under each ordinary key.
func keys(e *env) {
	for i, key := range plainKeys {
		e.run(key, func(e *env) {
			v := version{pattern(uint64(i), 40+i), map[string]string{"i": fmt.Sprint(i)}}
			e.put(key, v)
			e.want(key, v)
			if err := e.d.Delete(e.ctx, key); err != nil {
				e.Errorf("Delete(%q) = %v", key, err)
			}
			e.wantNone(key)
		})
	}
}

// keysAreDistinct stores under all of them before it reads any, among them
// keys that become equal if something is decoded once too often.
func keysAreDistinct(e *env) {
	all := append([]string{"a b", "a+b", "a%20b", "a%2Bb", "x/y", "x%2Fy", "u\u00e9", "u%C3%A9"}, plainKeys...)
	for i, key := range all {
		e.put(key, version{pattern(uint64(i), 40+i), nil})
	}
	for i, key := range all {
		e.want(key, version{pattern(uint64(i), 40+i), nil})
	}
}

// oddKeys are keys that a storage may refuse.
var oddKeys = []string{
	"/", "//", "/leading", "trailing/", "a//b", ".", "..", "./a", "../a", "a/.", "a/..", "a/../b", "a/./b", "../../../../etc/passwd",
	"nul\x00byte", "new\nline", "carriage\rreturn", "tab\tstop", "del\x7f", `back\slash`, `..\up`, `C:\x`, "C:", "CON", "aux.txt", "dot.", "blank ", " blank",
	".hidden", ".s3seal", ".s3seal/x", "x.s3seal", "x.instruction", "x.meta", "x.json", "x.tmp", "x.part", ".git/config", "~", "~root", "$HOME",
	strings.Repeat("c", 255), strings.Repeat("c", 256), strings.Repeat("漢", 100), strings.Repeat("d/", 500) + "e",
	strings.Repeat("f", 1024), strings.Repeat("g", 1025), strings.Repeat("h", 5000), "\ufeff", "\ufffd", "\u202e", "\u0085",
}

// keysOdd stores under keys that a storage may refuse: with ErrKey and before
// it reads the body, or else the object must be like any other.
func keysOdd(e *env) {
	stored := map[string]version{}
	for i, key := range oddKeys {
		v := version{pattern(uint64(i), 60+i), map[string]string{"i": fmt.Sprint(i)}}
		b := newBody(v.data)
		if _, err := e.tryPut(e.ctx, key, b, int64(len(v.data)), v.meta); err != nil {
			e.wantErr(fmt.Sprintf("Put(%q)", key), err, backend.ErrKey)
			e.wantKeyRefused(key, b)
			continue
		}
		stored[key] = v
	}
	for key, v := range stored {
		e.want(key, v)
	}
	e.wantClean()
}

// wantKeyRefused checks the manners of a storage that cannot hold key.
func (e *env) wantKeyRefused(key string, b *body) {
	e.Helper()
	if n := b.reads.Load(); n > 0 {
		e.Errorf("Put(%q) read the body %d times before it refused the key", key, n)
	}
	_, statErr := e.d.Stat(e.ctx, key)
	_, _, getErr := e.get(key, backend.GetOptions{})
	for name, err := range map[string]error{"Stat": statErr, "Get": getErr, "Delete": e.d.Delete(e.ctx, key)} {
		if name == "Delete" && err == nil {
			continue
		}
		if !errors.Is(err, backend.ErrKey) && !errors.Is(err, backend.ErrNotExist) {
			e.Errorf("%s(%q) = %v, want ErrKey or ErrNotExist", name, key, err)
		}
	}
}

// keysInvalid stores under what is no key at all.
func keysInvalid(e *env) {
	for _, key := range []string{"", "\xff", "a/\xc3", "\xed\xa0\x80"} {
		b := newBody([]byte("x"))
		_, err := e.tryPut(e.ctx, key, b, 1, nil)
		e.wantErr(fmt.Sprintf("Put(%q)", key), err, backend.ErrKey)
		e.wantKeyRefused(key, b)
	}
	e.wantClean()
}

// keyAndFolder stores under a key and under one that has it as a folder. A
// storage that cannot hold both refuses the second and keeps the first.
func keyAndFolder(e *env) {
	for _, pair := range [][2]string{{"one", "one/two"}, {"three/four", "three"}, {"five/six/seven", "five"}} {
		first, second := version{pattern(61, 61), nil}, version{pattern(62, 62), nil}
		e.put(pair[0], first)
		b := newBody(second.data)
		if _, err := e.tryPut(e.ctx, pair[1], b, 62, nil); err != nil {
			e.wantErr(fmt.Sprintf("Put(%q) beside %q", pair[1], pair[0]), err, backend.ErrKey)
			e.wantKeyRefused(pair[1], b)
		} else {
			e.want(pair[1], second)
		}
		e.want(pair[0], first)
	}
	e.wantClean()
}
