// SPDX-License-Identifier: Apache-2.0

// Package foreign finds and runs the programs of other people that tests compare
// with: the AWS SDKs of Debian for Ruby and Python, and OpenSSL. It is for tests
// alone.
//
// Where one is not there the test is skipped, or fails if S3SEAL_REQUIRE_RUBY is
// set, as it is where all of them are installed.
package foreign

import (
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Required says that the programs are Debian's and must be there.
func Required() bool { return os.Getenv("S3SEAL_REQUIRE_RUBY") != "" }

// missing ends the test for want of what.
func missing(t testing.TB, what string, err error) {
	t.Helper()
	if Required() {
		t.Fatalf("%s is required: %v", what, err)
	}
	t.Skipf("needs %s: %v", what, err)
}

// found are the libraries that Ruby has. It takes a second to load some of them,
// and many tests ask.
var found sync.Map

// Ruby returns the command of Ruby, which has the libraries.
func Ruby(t testing.TB, libraries ...string) string {
	t.Helper()
	const ruby = "ruby"
	for _, name := range libraries {
		if _, ok := found.Load(name); ok {
			continue
		}
		if err := exec.CommandContext(t.Context(), ruby, "-r", name, "-e", "").Run(); err != nil {
			missing(t, "ruby with "+name+" (Debian: ruby ruby-aws-sdk-s3)", err)
		}
		found.Store(name, true)
	}
	return ruby
}

// Boto3 returns the command of a Python that has boto3.
func Boto3(t testing.TB) string {
	t.Helper()
	var err error
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if err = exec.CommandContext(t.Context(), python, "-c", "import boto3").Run(); err == nil {
			return python
		}
	}
	missing(t, "Python with boto3 (Debian: python3-boto3)", err)
	return ""
}
