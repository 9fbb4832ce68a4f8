// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// A faultyKMS is a KMS that goes wrong as a schedule says.
type faultyKMS struct {
	wrap.KMS
	s *backendtest.Schedule
}

func (k faultyKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	err, short := k.s.KeyFault()
	if err != nil {
		return nil, nil, err
	}
	plain, blob, err = k.KMS.GenerateDataKey(ctx, keyID, size, encCtx)
	if err == nil && short {
		plain = plain[:size-1]
	}
	return plain, blob, err
}

func (k faultyKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	err, short := k.s.KeyFault()
	if err != nil {
		return nil, err
	}
	plain, err := k.KMS.Decrypt(ctx, keyID, blob, encCtx)
	if err == nil && short {
		plain = plain[:len(plain)-1]
	}
	return plain, err
}

func chaosKMS(t *testing.T) (*localkms.KMS, string) {
	t.Helper()
	kms := localkms.New()
	if err := kms.CreateKey("key"); err != nil {
		t.Fatal(err)
	}
	return kms, "key"
}

// A sealing is a profile under way.
type sealing struct {
	suite   envelope.Suite
	key     wrap.Key
	other   wrap.Key
	options backend.Options
	release func(dir string) envelope.Release
}

// bucket returns a bucket that seals by key and opens by both.
func (p sealing) bucket(d backend.Driver, key wrap.Key, dir string) *backend.Bucket {
	opts := p.options
	opts.Seal.Suite = p.suite
	opts.Open = everything()
	opts.Open.ExtraSuites = []envelope.Suite{dare.DARE2}
	opts.Download = backend.DownloadOptions{ResumePause: time.Microsecond, PartSize: 64 << 10, NoSync: true}
	if p.release != nil {
		opts.Open.Release = p.release(dir)
	}
	var u wrap.Unwrapper = key
	if p.other != nil {
		u = wrap.NewKeyring(key, p.other)
	}
	return backend.NewBucket(d, key, u, &opts)
}

// profile makes p one that schedules can happen to.
func (p sealing) profile(name string) backendtest.ChaosProfile {
	c := backendtest.ChaosProfile{
		Name: name,
		Bucket: func(d backend.Driver, _ *backendtest.Schedule, dir string) *backend.Bucket {
			return p.bucket(d, p.key, dir)
		},
		Resumable: p.suite != envelope.Chunked && p.suite != dare.DARE2,
		ReadOnly:  p.options.InstructionFile,
	}
	c.Verified = (p.suite == envelope.V3 || p.suite == envelope.V2GCM) && name != "V2GCM unverified" && name != "V3 twice"
	if p.other != nil {
		c.Rewrap = &backend.RewrapOptions{Wrappers: []wrap.Wrapper{p.other}}
	}
	if p.options.InstructionFile {
		c.Resumable = false
	}
	return c
}

// chaosProfiles returns all suites, all rules of release, a KMS, instruction files.
func chaosProfiles(t *testing.T) []backendtest.ChaosProfile {
	t.Helper()
	gcm, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	ecb := sealings(t)[envelope.V1]
	spooled := func(dir string) envelope.Release { return envelope.Spool(dir, 1<<40) }
	twice := func(string) envelope.Release { return envelope.TwoPass(nil) }
	unverified := func(string) envelope.Release { return envelope.UnverifiedUntilEOF() }
	var list []backendtest.ChaosProfile
	for name, p := range map[string]sealing{
		"V3":               {suite: envelope.V3, key: gcm, other: other},
		"V3 spooled":       {suite: envelope.V3, key: gcm, other: other, release: spooled},
		"V3 twice":         {suite: envelope.V3, key: gcm, other: other, release: twice},
		"V2GCM unverified": {suite: envelope.V2GCM, key: gcm, other: other, release: unverified},
		"V2CBC":            {suite: envelope.V2CBC, key: gcm, other: other},
		"V1":               {suite: envelope.V1, key: ecb},
		"chunked":          {suite: envelope.Chunked, key: gcm, other: other},
		"DARE":             {suite: dare.DARE2, key: gcm, other: other},
		"instruction file": {suite: envelope.V3, key: gcm, options: backend.Options{InstructionFile: true}},
	} {
		list = append(list, p.profile(name))
	}
	return append(sorted(list), kmsProfile(t))
}

// sorted puts profiles in an order that a seed can count on.
func sorted(list []backendtest.ChaosProfile) []backendtest.ChaosProfile {
	slices.SortFunc(list, func(a, b backendtest.ChaosProfile) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// kmsProfile is V3 under a KMS that goes wrong.
func kmsProfile(t *testing.T) backendtest.ChaosProfile {
	t.Helper()
	kms, id := chaosKMS(t)
	p := sealing{suite: envelope.V3}
	c := p.profile("V3 KMS")
	c.Bucket = func(d backend.Driver, s *backendtest.Schedule, dir string) *backend.Bucket {
		var client wrap.KMS = kms
		if s != nil {
			client = faultyKMS{kms, s}
		}
		key, err := wrap.NewKMS(client, id)
		if err != nil {
			panic(err) // the same as before
		}
		return p.bucket(d, key, dir)
	}
	return c
}
