// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestProgress: no bar within the first second, and none left at the end.
func TestProgress(t *testing.T) {
	for _, total := range []int64{-1, 1000} {
		var out bytes.Buffer
		p := &progress{out: &out, label: "s3://bucket/key", total: total, start: time.Now().Add(time.Hour)}
		if data, err := io.ReadAll(p.reader(bytes.NewReader(pattern(500)))); err != nil || len(data) != 500 {
			t.Fatalf("ReadAll = %d bytes, %v; want 500", len(data), err)
		}
		p.end()
		if out.Len() > 0 {
			t.Errorf("drawn too early: %q", out.String())
		}

		p = &progress{out: &out, label: "s3://bucket/key", total: total, start: time.Now().Add(-time.Hour)}
		for range 3 {
			p.add(100)
			time.Sleep(110 * time.Millisecond) // it is drawn ten times a second
		}
		p.end()
		if !strings.Contains(out.String(), "s3://bucket/key") {
			t.Errorf("drawn %q, want the label", out.String())
		}
		last := out.String()[strings.LastIndexByte(strings.TrimRight(out.String(), "\r"), '\r')+1:]
		if strings.TrimSpace(last) != "" {
			t.Errorf("left on the line: %q, want nothing", last)
		}
		// A source that is longer than it said changes nothing but the bar.
		if n, err := io.Copy(io.Discard, p.reader(bytes.NewReader(pattern(5000)))); n != 5000 || err != nil {
			t.Errorf("Copy = %d, %v; want 5000", n, err)
		}
	}
}

// TestNoProgress: nobody watches a pipe.
func TestNoProgress(t *testing.T) {
	a := &app{stderr: new(bytes.Buffer)}
	p := a.progress("x", 10)
	if p != nil {
		t.Fatal("progress for something that is no terminal")
	}
	src := bytes.NewReader(pattern(10))
	if p.reader(src) != io.Reader(src) {
		t.Error("a source is wrapped for nothing")
	}
	p.end()
}

func TestShorten(t *testing.T) {
	for in, want := range map[string]string{"": "", "abcd": "abcd", "abcde": "…cde", "ééééé": "…ééé"} {
		if got := shorten(in, 4); got != want || utf8.RuneCountInString(got) > 4 {
			t.Errorf("shorten(%q, 4) = %q, want %q", in, got, want)
		}
	}
}
