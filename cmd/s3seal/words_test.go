// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// TestSpoken: what went wrong, and not the way through the packages; and what
// belongs to a name is not taken for such a way.
func TestSpoken(t *testing.T) {
	at := address{text: "s3://b/x", bucket: "b", key: "x"}
	chain := func(key string, err error) error {
		return fmt.Errorf("backend: put %q: %w", key, fmt.Errorf("s3: put %q: %w", key, err))
	}
	answer := minio.ErrorResponse{StatusCode: 403, Code: "SignatureDoesNotMatch", Message: "It does not match."}
	for _, c := range []struct {
		err  error
		want string
	}{
		{at.about(chain("x", errors.New("no route"))), "s3://b/x: no route"},
		{at.about(chain(`"a": b`, errors.New("no route"))), "s3://b/x: no route"},
		{at.about(chain("x", errors.New(`backend: put "x"`))), `s3://b/x: put "x"`},
		{at.about(chain("x", answer)), "s3://b/x: It does not match: " + storageAdvice(answer)},
		{at.about(&refusal{"in words: backend", chain("x", answer)}), "s3://b/x: in words: backend"},
		{chain("x", errors.New("no route")), `put "x": put "x": no route`},
		{at.about(fmt.Errorf("%w: part 3", backend.ErrPart)), "s3://b/x: " + strings.TrimPrefix(backend.ErrPart.Error(), "backend: ") + ": part 3"},
		{address{text: "s3://b/logs: dir: x", bucket: "b", key: "logs: dir: x"}.about(backend.ErrNotExist), "s3://b/logs: dir: x: not found"},
		{address{text: "s3://b/wrap: y"}.about(chain("wrap: y", errors.New("at wrap: z"))), "s3://b/wrap: y: at wrap: z"},
		{fmt.Errorf("key %s: %w", "aes:nope: wrap: y", &fs.PathError{Op: "open", Path: "nope: wrap: y", Err: fs.ErrPermission}), "key aes:nope: wrap: y: open nope: wrap: y: permission denied"},
		{fmt.Errorf("backend: %w: %w", errors.New("envelope: a"), errors.New("wrap: b")), "a: b"},
		{fmt.Errorf("backend: %w; try c", errors.New("envelope: a")), "a; try c"},
		{fmt.Errorf("write stdout: %w", &fs.PathError{Op: "write", Path: "/dev/stdout", Err: fs.ErrClosed}), "write stdout: file already closed"},
		{usagef("dir: x: is no address"), "dir: x: is no address"},
		{usagef("dir:s3: is no address"), "dir:s3: is no address"},
	} {
		if got := spoken(c.err, exitCode(t.Context(), c.err)); got != c.want {
			t.Errorf("spoken = %q, want %q", got, c.want)
		}
	}
}

// TestSpokenExamples: those in the comment at the top of words.go are true.
func TestSpokenExamples(t *testing.T) {
	source, err := os.ReadFile("words.go")
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(source), "\nvar (")
	comment = oneLine(strings.ReplaceAll(comment, "\n//", "\n"))
	noCredentials(t)
	newKMS(t, "alias/b")
	t.Chdir(t.TempDir())
	put := &putCmd{Key: []text{"kms:alias/a"}, Src: stdio, Dst: "dir:v//x", sealFlags: sealFlags{Format: "v3"}}
	at := address{text: "s3://b/x", bucket: "b", key: "x"}
	for _, err := range []error{
		at.about(fmt.Errorf("backend: put %q: %w", "x", fmt.Errorf("s3: put %q: %w", "x", errors.New("no route")))),
		at.about(fmt.Errorf("%w: part 3", backend.ErrPart)),
		put.Run(t.Context(), &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, env: os.Getenv}),
	} {
		example := fmt.Sprintf("%v -> %s", err, spoken(err, exitCode(t.Context(), err)))
		if !strings.Contains(comment, example+" ") {
			t.Errorf("not in the comment: %s", example)
		}
	}
	if n := strings.Count(comment, " -> "); n != 3 {
		t.Errorf("the comment has %d examples, want those 3", n)
	}
}

// answering serves one S3 error for everything.
func answering(t *testing.T, status int, code, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestServerErrors: an answer of the server comes with what to do about it, and
// says everything once.
func TestServerErrors(t *testing.T) {
	noCredentials(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	ks := newKeySet(t)
	for code, want := range map[string]string{
		"SignatureDoesNotMatch": "the secret key is not that of this access key",
		"InvalidAccessKeyId":    "does not know this access key",
		"RequestTimeTooSkewed":  "clock",
		"AccessDenied":          "the policy of this access key",
	} {
		url := answering(t, http.StatusForbidden, code, "No.")
		for _, args := range [][]string{
			{"put", "-k", ks.aes, "-", "s3://bucket/x"},
			{"cat", "-k", ks.aes, "s3://bucket/x"},
		} {
			r := cli(t, nil, append(args, "--endpoint", url)...).want(t, exitFailure, "s3://bucket/x: No", want)
			if strings.Contains(r.err, "backend") || strings.Count(r.err, want) != 1 {
				t.Errorf("%s = %q, want it once and without the names of packages", args[0], r.err)
			}
		}
	}
}

// TestSpokenKMS: what the KMS has answered, without what its client wraps it in.
func TestSpokenKMS(t *testing.T) {
	noCredentials(t)
	at := "dir:" + t.TempDir() + "//x"
	t.Setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
	put := []string{"put", "-k", "kms:alias/a", "-", at}
	cli(t, nil, put...).want(t, exitFailure, at+": the KMS: GenerateDataKey: no credentials for the KMS", "set AWS_ACCESS_KEY_ID")
	newKMS(t, "alias/b")
	cli(t, nil, put...).want(t, exitFailure, at+": the KMS: GenerateDataKey: NotFoundException", "check the key ID, and --region or AWS_REGION")
	t.Setenv("AWS_ENDPOINT_URL_KMS", answering(t, http.StatusOK, "x", "y"))
	cli(t, nil, put...).want(t, exitFailure, "leads to is no KMS")
}

// TestNamesInWords: a name that looks like the way of an error is left alone.
func TestNamesInWords(t *testing.T) {
	ks := newKeySet(t)
	t.Chdir(t.TempDir())
	const name = "dir: wrap: x"
	at := "dir:v//" + name
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Skipf("no such names here: %v", err)
	}
	big := writeFile(t, ".", "dir: big", make([]byte, maxKeyFile+1))
	writeFile(t, ".", "words", nil)
	for want, args := range map[string][]string{
		"s3seal: " + at + ": not found\n":                                      {"stat", at},
		"s3seal: key aes:wrap: y: open wrap: y: ":                              {"put", "-k", "aes:wrap: y", "words", "dir:v//x"},
		"s3seal: " + name + " is a folder: ":                                   {"put", "-k", ks.aes, name, "dir:v//x"},
		"s3seal: create key file: dir: none/x: there is no folder dir: none\n": {"keygen", "dir: none/x"},
		"s3seal: " + name + " is there already":                                {"keygen", name},
		"s3seal: key aes:" + big + ": " + big + ": larger than ":               {"put", "-k", "aes:" + big, "words", "dir:v//x"},
	} {
		if r := cli(t, nil, args...); !strings.HasPrefix(r.err, want) {
			t.Errorf("%q = %d, %q, want %q", args, r.code, r.err, want)
		}
	}
}

// TestFilesInWords: what is wrong with a file or folder, by the name that was given.
func TestFilesInWords(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	src := writeFile(t, dir, "src", pattern(10))
	at, none := "dir:"+dir+"/v//x", filepath.Join(dir, "none", "x")
	cli(t, nil, "put", "-k", ks.aes, src, at).want(t, exitOK)
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitFailure, none + ": there is no folder " + filepath.Dir(none) + "\n", []string{"get", "-k", ks.aes, at, none}},
		{exitFailure, none + ": there is no folder " + filepath.Dir(none) + "\n", []string{"keygen", none}},
		{exitFailure, none + ": there is no folder " + filepath.Dir(none) + "\n", []string{"put", "--new-key", none, src, at}},
		{exitFailure, "--metadata-out: " + none + ": there is no folder", []string{"seal", "-k", ks.aes, "--metadata-out", none}},
		{exitFailure, "dir:" + src + "//x: " + src + " is a file: want a folder\n", []string{"put", "-k", ks.aes, src, "dir:" + src + "//x"}},
		{exitFailure, dir + " is a folder: want a file, or - for stdin\n", []string{"put", "-k", ks.aes, dir, at}},
		{exitFailure, "check the name, or make a key with s3seal keygen\n", []string{"put", "-k", "aes:" + none, src, at}},
		{exitUsage, os.DevNull + " is no regular file: want a file name, or - for stdout\n", []string{"get", "-k", ks.aes, at, os.DevNull}},
	} {
		cli(t, nil, c.args...).want(t, c.code, c.want)
	}
}
