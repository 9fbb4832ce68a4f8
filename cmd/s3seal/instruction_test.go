// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
)

// TestInstructionFile: put writes the envelope beside the object, and all else
// finds it there by itself.
func TestInstructionFile(t *testing.T) {
	ks := newKeySet(t)
	for _, w := range ways() {
		for _, suffix := range []string{"", ".meta", envelope.DotNetInstructionSuffix} {
			t.Run(w.String()+suffix, func(t *testing.T) {
				t.Parallel()
				testInstructionFile(t, ks, w, suffix)
			})
		}
	}
}

func testInstructionFile(t *testing.T, ks keySet, w way, suffix string) {
	write, read, wrong := w.keys(ks)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	at := "dir:" + root + "//a/x"
	var flags []string
	if suffix != "" {
		flags = []string{"--instruction-suffix", suffix}
	}
	file := "a/x.instruction"
	if suffix != "" {
		file = "a/x" + suffix
	}
	want := pattern(4101)
	put := slices.Concat([]string{"put", "-k", write, "--instruction-file", "-", at}, w.flags(), flags)
	if r := cli(t, bytes.NewReader(want), put...).want(t, exitOK); !strings.Contains(r.out, file) {
		t.Errorf("put = %q, want the name of the instruction file", r.out)
	}
	_, meta := stored(t, root, "a/x")
	if got := slices.Sorted(maps.Keys(meta)); (w.format == "v3") != slices.Equal(got, []string{"x-amz-c", "x-amz-d", "x-amz-i"}) {
		t.Errorf("metadata of the object = %q", got)
	}
	if _, meta := stored(t, root, file); meta[envelope.InstructionMarker] == "" {
		t.Errorf("metadata of the instruction file = %v, want the marker", meta)
	}

	accept := append([]string{"--accept", w.accept}, flags...)
	dst := filepath.Join(dir, "dst")
	cli(t, nil, append([]string{"get", "-k", read, at, dst}, accept...)...).want(t, exitOK)
	wantFile(t, dst, want)
	if r := cli(t, nil, append([]string{"cat", "-k", read, at}, accept...)...).want(t, exitOK); r.out != string(want) {
		t.Errorf("cat wrote %d bytes, want %d", len(r.out), len(want))
	}
	wantShut(t, cli(t, nil, append([]string{"cat", "-k", wrong, at}, accept...)...), w.guesses(), string(want))
	if w.accept != acceptV3 {
		cli(t, nil, append([]string{"cat", "-k", read, at}, flags...)...).want(t, exitPolicy, "--accept "+w.accept)
	}
	var d statReport
	r := cli(t, nil, append([]string{"stat", "--json", at}, flags...)...).want(t, exitOK)
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || d.InstructionFile != file || d.Format != w.format {
		t.Errorf("stat = %+v, %v; want format %s in %s", d, err, w.format, file)
	}
	if r := cli(t, nil, append([]string{"stat", at}, flags...)...).want(t, exitOK); !strings.Contains(r.out, "envelope   "+file) {
		t.Errorf("stat = %q, want the instruction file", r.out)
	}

	cli(t, bytes.NewReader(want), put...).want(t, exitPolicy, at, flagInstructionOverwrite)
	cli(t, bytes.NewReader(want[1:]), append(put, flagInstructionOverwrite)...).want(t, exitOK)
	if r := cli(t, nil, append([]string{"cat", "-k", read, at}, accept...)...).want(t, exitOK); r.out != string(want[1:]) {
		t.Errorf("cat of the new object wrote %d bytes, want %d", len(r.out), len(want)-1)
	}
	cli(t, nil, append([]string{"rm", at}, flags...)...).want(t, exitOK)
	for _, path := range tree(t, root) {
		if !strings.Contains(path, dirHome) {
			t.Errorf("%s is left after rm", path)
		}
	}
}

// TestInstructionRefusals: what no flag allows names none.
func TestInstructionRefusals(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	put := []string{"put", "-k", ks.aes, "--instruction-file", "-", at}
	store(t, root, "x.instruction", []byte("minutes of a meeting"), nil)
	if r := cli(t, nil, put...).want(t, exitFailure, "no instruction file"); strings.Contains(r.err, "allow") {
		t.Errorf("stderr = %q, which names a flag", r.err)
	}
	cli(t, nil, append(put, flagInstructionOverwrite)...).want(t, exitFailure, "no instruction file")
	cli(t, nil, "put", "-k", ks.aes, "-", at).want(t, exitOK)
	cli(t, nil, "rm", at).want(t, exitOK)
	if body, _ := stored(t, root, "x.instruction"); string(body) != "minutes of a meeting" {
		t.Errorf("the other object is now %q", body)
	}

	cli(t, nil, "put", "-k", ks.aes, flagInstructionOverwrite, "-", at).want(t, exitUsage, flagInstruction)
	cli(t, nil, "put", "-k", ks.aes, flagInstructionSuffix, ".meta", "-", at).want(t, exitUsage, flagInstruction)
	cli(t, nil, "put", "-k", ks.aes, "-", at+".instruction").want(t, exitUsage)

	y := "dir:" + root + "//y"
	large := []string{"put", "-k", ks.aes, "--matdesc", "a=" + strings.Repeat("x", 2000), "-", y}
	cli(t, nil, large...).want(t, exitPolicy, y, flagInstruction)
	cli(t, nil, append(large, flagInstruction)...).want(t, exitOK)
	cli(t, nil, "cat", "-k", ks.aes, y).want(t, exitOK)
	cli(t, nil, "rm", "dir:"+root+"//y.instruction").want(t, exitOK)
	cli(t, nil, "cat", "-k", ks.aes, "--allow-plaintext", y).want(t, exitDecrypt, "y.instruction")
}

// TestInstructionStreams: seal and open with the envelope in two files.
func TestInstructionStreams(t *testing.T) {
	ks := newKeySet(t)
	want := pattern(1000)
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			write, read, _ := w.keys(ks)
			dir := t.TempDir()
			m, i := filepath.Join(dir, "m.json"), filepath.Join(dir, "x.instruction")
			seal := append([]string{"seal", "-k", write, "--instruction-out", i}, w.flags()...)
			open := []string{"open", "-k", read, "--accept", w.accept, "--instruction", i}
			split := slices.Contains([]string{"v3", "chunked", "dare2"}, w.format)
			if split {
				cli(t, nil, seal...).want(t, exitUsage, "--metadata-out")
				seal = append(seal, "--metadata-out", m)
			}
			sealed := cli(t, bytes.NewReader(want), seal...).want(t, exitOK).out
			if split {
				if r := cli(t, strings.NewReader(sealed), open...).want(t, exitDecrypt, "--metadata"); r.out != "" {
					t.Errorf("open wrote %d bytes", len(r.out))
				}
				open = append(open, "--metadata", m)
				wantFiles(t, dir, "m.json", "x.instruction")
			} else {
				wantFiles(t, dir, "x.instruction")
			}
			if r := cli(t, strings.NewReader(sealed), open...).want(t, exitOK); r.out != string(want) {
				t.Errorf("open wrote %d bytes, want %d", len(r.out), len(want))
			}
			if w.accept != acceptV3 {
				cli(t, strings.NewReader(sealed), append(open, "--accept", "v3")...).want(t, exitPolicy, "--accept "+w.accept)
			}
		})
	}
}

func TestInstructionStreamsRefuse(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	m, i, whole := filepath.Join(dir, "m"), filepath.Join(dir, "i"), filepath.Join(dir, "whole")
	cli(t, nil, "seal", "-k", ks.aes, "--instruction-out", m, "--metadata-out", dir+"/./m").want(t, exitUsage, "another file")
	cli(t, nil, "seal", "-k", ks.aes, "--instruction-out", i, "--metadata-out", dir).want(t, exitUsage, "folder")
	wantFiles(t, dir)
	cli(t, nil, "seal", "-k", ks.aes, "--instruction-out", i, "--metadata-out", m).want(t, exitOK)
	cli(t, nil, "seal", "-k", ks.aes, "--metadata-out", whole).want(t, exitOK)
	open := []string{"open", "-k", ks.aes, "--metadata"}
	cli(t, nil, append(open, whole, "--instruction", i)...).want(t, exitDecrypt, i)
	cli(t, nil, append(open, m, "--instruction", m)...).want(t, exitDecrypt, m)
	cli(t, nil, append(open, m, "--instruction", filepath.Join(dir, "missing"))...).want(t, exitFailure, "missing")
	large := writeFile(t, dir, "large", pattern(envelope.MaxInstructionSize+1))
	cli(t, nil, append(open, m, "--instruction", large)...).want(t, exitDecrypt, "65536")
}

// TestInstructionFileHint: --instruction-file is named where the envelope is too
// much for the metadata, and not where it would not help.
func TestInstructionFileHint(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	put := func(meta string, flags ...string) result {
		return cli(t, strings.NewReader("x"), slices.Concat([]string{"put", "-k", ks.aes, "--meta", meta}, flags, []string{"-", at})...)
	}
	fits := "a=" + strings.Repeat("b", 1800)
	put(fits).want(t, exitPolicy, "does not fit", flagInstruction)
	put(fits, flagInstruction).want(t, exitOK)
	tooMuch := "a=" + strings.Repeat("b", 2100)
	if r := put(tooMuch).want(t, exitFailure, "metadata not allowed", "largest is a"); strings.Contains(r.err, flagInstruction) {
		t.Errorf("stderr %q names a flag that does not help", r.err)
	}
	put(tooMuch, flagInstruction).want(t, exitFailure, "metadata not allowed", "largest is a")
}
