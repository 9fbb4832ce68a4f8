// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"syscall"
)

var (
	// innerPrefix is what packages put before an error that says what was done
	// with which key: who typed the command and reads the address knows both.
	innerPrefix = regexp.MustCompile(`^[a-z0-9]+: [a-z ]+"(?:[^"\\]|\\.)*": (?:read body: )?$`)

	// innerPackage is the name of a package of ours in front of what it says.
	innerPackage = regexp.MustCompile(`(^|: )(?:backend|s3|dir|mem|bulk|envelope|stream|wrap|wrap/awskms|legacy|localkms|chunked|dare): `)

	// kmsPrefix is what the client of the KMS, and what is around it, put before
	// the answer.
	kmsPrefix = regexp.MustCompile(`(?:(?:un)?wrap key: |KMS [a-z ]+: |generate data key: |decrypt: |encrypt: )*operation error KMS: (\w+), ` +
		`(?:exceeded maximum number of attempts, \d+, )?(?:https response error StatusCode: \d+, RequestID: [^,]*, )?` +
		`(?:request send failed, |api error |get identity: get credentials: )?`)

	// stdoutPrefix says once more where a write went.
	stdoutPrefix = strings.NewReplacer("write stdout: write /dev/stdout: ", "write stdout: ")
)

// spoken is what the user reads for err: message, without the way that the error
// has taken through the packages, and with what there is to do about it.
func spoken(err error, code int) string {
	text := message(err, code)
	if code == exitInterrupted {
		return text
	}
	text = strings.Replace(text, err.Error(), shortened(err), 1)
	text = innerPackage.ReplaceAllString(text, "$1")
	text = kmsPrefix.ReplaceAllString(text, "the KMS: $1: ")
	text = stdoutPrefix.Replace(text)
	if advice := adviceFor(err, code); advice != "" && !strings.Contains(text, advice) {
		text = strings.TrimSuffix(text, ".") + ": " + advice
	}
	return text
}

// shortened is the text of err, without prefixes that only repeat what is said
// once an address is.
func shortened(err error) string {
	var at *addressError
	if !errors.As(err, &at) {
		return err.Error()
	}
	return strings.Replace(err.Error(), at.err.Error(), withoutPrefixes(at.err), 1)
}

func withoutPrefixes(err error) string {
	var kept strings.Builder
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		prefix, ok := strings.CutSuffix(err.Error(), inner.Error())
		if !ok { // it has words of its own
			break
		}
		if !innerPrefix.MatchString(prefix) {
			kept.WriteString(prefix)
		}
		err = inner
	}
	return kept.String() + err.Error()
}

// adviceFor says what to do about the answer of a server, or that there is none.
func adviceFor(err error, code int) string {
	var said *refusal
	if code != exitFailure || errors.As(err, &said) {
		return ""
	}
	if strings.Contains(err.Error(), "operation error KMS") {
		return keyAdvice(err)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return "another program listens there: want another port, or 0 for any that is free"
	}
	return cmp.Or(storageAdvice(err), networkAdvice(err))
}

// missingBucket is err, or in plain words that the bucket of an object is missing.
func missingBucket(err error) error {
	var at *addressError
	var said *missingError
	if !errors.As(err, &at) || errors.As(err, &said) {
		return err
	}
	place, perr := parsePrefix(at.address)
	if perr != nil || !place.isS3() {
		return err
	}
	return place.noBucket(err)
}
