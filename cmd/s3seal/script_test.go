// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestScript runs the scripts of testdata/script with the program as it is
// built, each in an empty folder that is its home, too. In scripts
//
//	code N COMMAND…    wants a command to end with N
//	pattern FILE SIZE  makes a file
//	[minio]            is whether there is a server: at $S3, with an empty bucket
//	                   $BUCKET, and credentials in the environment
//
// and all else is as in package testscript.
func TestScript(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts use programs of Unix")
	}
	bin := filepath.Dir(binaryPath(t))
	srv, bucket := scriptServer(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			if srv != nil {
				env.Setenv("S3", srv.URL())
				env.Setenv("AWS_ENDPOINT_URL_S3", srv.URL())
				env.Setenv("AWS_REGION", srv.Region)
				env.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKey)
				env.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretKey)
				env.Setenv("BUCKET", bucket)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "minio" {
				return srv != nil, nil
			}
			return false, errors.New("no such condition: " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":    scriptCode,
			"pattern": scriptPattern,
		},
		RequireUniqueNames: true,
	})
}

// scriptServer is MinIO with a bucket, or nil where tests go without it.
func scriptServer(t *testing.T) (srv *s3test.Server, bucket string) {
	t.Helper()
	t.Run("server", func(sub *testing.T) {
		srv = s3test.MinIO(sub)
		bucket = srv.NewBucket(t)
	})
	return srv, bucket
}

// scriptCode runs a command that must end with a code. A signal counts as shells
// count it.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND [ARGS…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// scriptPattern makes a file of an even size that holds only text.
func scriptPattern(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pattern FILE SIZE")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := hex.AppendEncode(nil, pattern(size/2)) // which logs can show
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
