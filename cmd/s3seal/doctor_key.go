// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// doctorTimeout is what a check that asks a server may take.
const doctorTimeout = 15 * time.Second

// checkKey looks at a key, and seals and opens something with it.
func (c *doctorCmd) checkKey(ctx context.Context, all *checkup, at address, spec keySpec) {
	check, given := "key", spec
	if !spec.isFile() {
		check = "kms"
	} else if !all.checkKeyFile(spec) {
		return
	}
	if spec.scheme == keySidecar {
		spec.scheme = keyKMS // what it asks of the KMS is no more
	}
	k, err := all.loadKey(spec, c.Region)
	if err != nil {
		all.add(check, checkFail, err.Error(), keyAdvice(err))
		return
	}
	switch {
	case k.spec.scheme == keyRSARaw:
		all.skip(check, "%s can only open: there is nothing to seal with it", spec.text)
		return
	case k.kms == nil && k.aes == nil && k.priv == nil:
		all.ok(check, "%s is a public key: it seals, and the private one opens", spec.text)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	if err := sealAndOpen(ctx, k); err != nil {
		all.add(check, checkFail, fmt.Sprintf("%s: what it sealed does not open: %v", spec.text, err), keyAdvice(err))
		return
	}
	all.ok(check, "%s: what it seals, it opens%s", spec.text, c.unopened(at, given))
}

// checkKeyFile looks at who can read the file, and says whether it is there.
func (c *checkup) checkKeyFile(spec keySpec) bool {
	info, err := os.Stat(spec.path)
	switch {
	case err != nil:
		c.add("key", checkFail, err.Error(), keyAdvice(err))
		return false
	case runtime.GOOS == "windows" || !info.Mode().IsRegular() || spec.scheme == keyRSA && isPublic(spec):
		return true
	case info.Mode().Perm()&0o077 != 0:
		c.add("key file", checkWarn, fmt.Sprintf("%s has the mode %04o: others can get at it", spec.path, info.Mode().Perm()), "chmod 600 it")
		return true
	}
	c.ok("key file", "%s is for its owner only", spec.path)
	return true
}

// isPublic says whether a file is of no use to others.
func isPublic(spec keySpec) bool {
	data, err := readSmallFile(spec.path, maxKeyFile)
	if err != nil {
		return false
	}
	defer clear(data)
	priv, pub, err := parseRSAKey(data)
	return err == nil && priv == nil && pub != nil
}

// keyAdvice says what to do about a key that does not work.
func keyAdvice(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "check the name; s3seal keygen makes a new one, which opens nothing that is there already"
	case errors.Is(err, fs.ErrPermission):
		return "read it as its owner"
	case strings.Contains(text, "AccessDenied"):
		return "the policy of the key must allow kms:GenerateDataKey to seal and kms:Decrypt to open"
	case strings.Contains(text, "NotFoundException"):
		return "check the key ID, and --region or AWS_REGION"
	case strings.Contains(text, "no credentials"):
		return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(text, "connection refused"), strings.Contains(text, "no such host"):
		return "check AWS_ENDPOINT_URL_KMS, and whether the KMS runs"
	case strings.Contains(text, "deserialization failed"):
		return "what AWS_ENDPOINT_URL_KMS or AWS_ENDPOINT_URL leads to is no KMS"
	}
	return ""
}

// sealAndOpen takes something through the default format, in memory.
func sealAndOpen(ctx context.Context, k *key) error {
	seal, err := sealFlags{Format: "v3"}.with(k)
	if err != nil {
		return err
	}
	us, err := k.unwrappers(contextFlags{})
	if err != nil {
		return err
	}
	sealer, err := envelope.NewSealer(ctx, seal.wrapper, &seal.options)
	if err != nil {
		return err
	}
	plain := []byte("s3seal doctor")
	src, err := sealer.Reader(bytes.NewReader(plain))
	if err != nil {
		return err
	}
	opener, err := envelope.NewOpener(ctx, sealer.Header(), wrap.NewKeyring(us...), nil)
	if err != nil {
		return err
	}
	body, err := opener.Reader(src, -1)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(body)
	if err = firstOf(err, body.Close()); err == nil && !bytes.Equal(got, plain) {
		err = errors.New("another plaintext came out")
	}
	return err
}
