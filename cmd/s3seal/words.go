// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"syscall"
)

// Each package puts before an error what it was doing, which is right for who reads
// the code. Who typed the command reads what spoken leaves of that:
//
//	s3://b/x: backend: put "x": s3: put "x": no route
//	-> s3://b/x: no route
//
// as the address says which object it is (innerPrefix), and who typed put knows it.
//
//	s3://b/x: backend: part not in the upload, or not allowed there: part 3
//	-> s3://b/x: part not in the upload, or not allowed there: part 3
//
// as only the name of the package is too much (innerPackage).
//
//	dir:v//x: backend: put "x": envelope: wrap key: wrap: KMS generate data key:
//	wrap/awskms: generate data key: operation error KMS: GenerateDataKey,
//	https response error StatusCode: 400, RequestID: , NotFoundException:
//	localkms: key not found: "alias/a"
//	-> dir:v//x: the KMS: GenerateDataKey: NotFoundException:
//	localkms: key not found: "alias/a": check the key ID, and --region or AWS_REGION
//
// as the client of the KMS has its way of its own (kmsWay, kmsPrefix), and as there
// is something to do about it (adviceFor).
var (
	// innerPrefix is what packages put before an error that says what was done
	// with which key: who typed the command and reads the address knows both.
	innerPrefix = regexp.MustCompile(`^[a-z0-9]+: [a-z ]+"(?:[^"\\]|\\.)*": (?:read body: )?$`)

	// innerPackage is the name of a package of ours in front of what it says.
	innerPackage = regexp.MustCompile(`^(?:backend|s3|dir|mem|bulk|envelope|stream|wrap|wrap/awskms|legacy|localkms|chunked|dare): `)

	// kmsWay ends what packages put before an error of the client of the KMS.
	kmsWay = regexp.MustCompile(`(?:(?:un)?wrap key: |KMS [a-z ]+: |generate data key: |decrypt: |encrypt: )+$`)

	// kmsPrefix is what that client puts before the answer.
	kmsPrefix = regexp.MustCompile(`^operation error KMS: (\w+), ` +
		`(?:exceeded maximum number of attempts, \d+, )?(?:https response error StatusCode: \d+, RequestID: [^,]*, )?` +
		`(?:request send failed, |api error |get identity: get credentials: )?`)
)

// A kmsError is one of the client of the KMS.
type kmsError interface {
	error
	Service() string
	Operation() string
}

// spoken is what the user reads for err: message, without the way that the error
// has taken through the packages, and with what there is to do about it.
func spoken(err error, code int) string {
	text := message(err, code)
	if code == exitInterrupted {
		return text
	}
	text = strings.Replace(text, err.Error(), withoutPrefixes(err, false), 1)
	if advice := adviceFor(err, code); advice != "" && !strings.Contains(text, advice) {
		text = strings.TrimSuffix(text, ".") + ": " + advice
	}
	return text
}

// withoutPrefixes is the text of err, without the prefixes on its way that only
// repeat what is said otherwise; located if an address is. It goes by the chain
// and not by the text alone, as names of objects and files can look like a way.
func withoutPrefixes(err error, located bool) string {
	switch e := any(err).(type) { // this very one, and not one that it wraps
	case *addressError:
		return e.address + ": " + withoutPrefixes(e.err, true)
	case *usageError:
		if errors.Unwrap(e.err) == nil {
			return e.Error() // in our own words
		}
	case kmsError:
		return kmsPrefix.ReplaceAllString(e.Error(), "the KMS: $1: ")
	}
	var kept strings.Builder
	rest, own := err.Error(), true
	for _, inner := range unwrapped(err) {
		before, after, ok := cutInner(rest, inner.Error())
		if !ok { // it has words of its own
			continue
		}
		text := withoutPrefixes(inner, located)
		if strings.HasSuffix(before, "write stdout: ") { // where it went, once more
			text = strings.TrimPrefix(text, "write /dev/stdout: ")
		}
		kept.WriteString(shortPrefix(before, inner, located) + text)
		rest, own = after, false
	}
	if _, refused := any(err).(*refusal); own && !refused {
		return innerPackage.ReplaceAllString(rest, "")
	}
	return kept.String() + rest
}

// shortPrefix is what is left of the prefix of an error.
func shortPrefix(prefix string, inner error, located bool) string {
	if located && innerPrefix.MatchString(prefix) {
		return ""
	}
	prefix = innerPackage.ReplaceAllString(prefix, "")
	var kms kmsError
	if errors.As(inner, &kms) {
		prefix = kmsWay.ReplaceAllString(prefix, "")
	}
	return prefix
}

// unwrapped returns the errors that err wraps.
func unwrapped(err error) []error {
	switch e := any(err).(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	}
	return nil
}

// cutInner cuts text around that of an error in it: at its end, or where there is
// no doubt.
func cutInner(text, inner string) (before, after string, ok bool) {
	if before, ok = strings.CutSuffix(text, inner); ok {
		return before, "", true
	}
	if strings.Count(text, inner) != 1 {
		return "", "", false
	}
	return strings.Cut(text, inner)
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
