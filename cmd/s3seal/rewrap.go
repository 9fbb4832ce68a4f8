// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
)

// rewrapCmd gives objects another key.
type rewrapCmd struct {
	Key            []text `group:"Key:" short:"k" required:"" sep:"none" placeholder:"KEY" help:"The old key: aes:FILE, rsa:FILE, kms:KEYID or kms-sidecar:KEYID (see s3seal --help); may be repeated."`
	To             []text `group:"Key:" required:"" sep:"none" placeholder:"KEY" help:"The new key, of the kind that the objects have now; may be repeated, for one of each kind. Its materials description (aes:new.key#kid=2) replaces that of the objects."`
	Matdesc        []text `group:"Key:" sep:"none" placeholder:"NAME=VALUE" help:"More of the new materials description, with a KMS the encryption context; may be repeated."`
	KeepMatdesc    bool   `group:"Key:" help:"Keep the materials description that an object has, and add the new one to it. Objects of a KMS with encryption contexts need it."`
	Recipient      []text `group:"Key:" sep:"none" placeholder:"KEY" help:"A further key that opens the objects from now on; chunked only; may be repeated. Who is not named here or by --to is not kept: see --drop-recipients."`
	DropRecipients bool   `group:"Key:" help:"Also objects that have more keys than are named here, such as one for recovery: those then no longer open them. Else such an object fails."`
	UpgradeWrap    bool   `group:"Key:" help:"Objects in v2 (AES-GCM) under an old wrap get the modern one of the first --to. Others with an old wrap then fail: migrate them."`
	Revoke         bool   `group:"Key:" help:"Fail where a key of -k would still open the result."`
	MustNotOpen    []text `group:"Key:" sep:"none" placeholder:"KEY" help:"Fail where this key would open the result; may be repeated."`
	Recursive      bool   `short:"r" help:"All objects under a prefix, and not the one with that name."`
	Current        bool   `help:"Do not list the versions that objects had before. They are not rewrapped in any case, but counted."`
	Try            bool   `help:"Do all but the write: keys are used, and what would fail before the write fails."`
	acceptFlags    `group:"Reading:"`
	jobFlags
	suffixFlags `group:"Storage:"`
	storageFlags
	Src text `arg:"" help:"The object, or with -r the prefix: s3://BUCKET/PREFIX or dir:ROOT//PREFIX."`
}

// Help implements kong.HelpProvider.
func (rewrapCmd) Help() string {
	return `The content key of an object is decrypted and encrypted for the new key. Its content, format, wrap, headers,
tags and storage class stay. Who has had the old key and a copy of the old metadata can still read the object:
rotating a key that has leaked takes s3seal migrate or another put. Versions before this one stay as they are.
An object with several keys keeps none of them but those named by --to and --recipient: where these are fewer,
it fails, unless --drop-recipients is given. What has the new key already is skipped, where that can be told:
not with a KMS, a public key, an old wrap or several keys. A dry run fails of what policy would refuse.

` + bulkHelp + ` The journal also gets the old
envelopes, from which an object that was given a wrong key can be repaired.

Example:

    s3seal rewrap -k aes:old.key --to aes:new.key s3://bucket/dump.gz
    s3seal rewrap -k aes:old.key --to aes:new.key#kid=2 --revoke -r --journal j s3://bucket/backup/
    s3seal rewrap -k aes:old.key --to aes:new.key --recipient rsa:recovery.pub s3://bucket/dump.gz
    s3seal rewrap -k rsa:old.pem --to rsa:new.pub --accept legacy -r --dry-run s3://bucket
    s3seal rewrap -k kms:alias/old --to kms:alias/new --keep-matdesc -r --shard 0/3 s3://bucket`
}

// Run rewraps.
func (c *rewrapCmd) Run(ctx context.Context, a *app) error {
	if err := c.bulkFlags.check(); err != nil {
		return err
	}
	at, err := c.address()
	if err != nil {
		return err
	}
	to, opts, err := c.newKeys(a)
	if err != nil {
		return err
	}
	// With the new key, objects that another run has come to are done, too.
	keys, err := a.loadRotating(c.Key, to, c.Region)
	if err != nil {
		return err
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	bucket := backend.NewBucket(st.driver, nil, keys, &backend.Options{Open: c.acceptFlags.options(), Name: at.bucket, InstructionSuffix: c.suffix()})
	s := one(bucket, at.key)
	if c.Recursive {
		if s, err = c.selectFrom(ctx, a, bucket, at, !c.Current); err != nil {
			return err
		}
	}
	defer s.close()
	job := &job{flags: c.jobFlags, verb: "rewrapped", at: at, single: !c.Recursive}
	if job.name, err = c.job(a, at, to); err != nil {
		return err
	}
	if c.Try {
		job.verb = "can be rewrapped"
	}
	job.work = func(ctx context.Context, s *selection, common bulk.Options) (*bulk.Summary, error) {
		return bulk.Rewrap(ctx, bucket, s.objects, &bulk.RewrapOptions{Options: common, To: *opts})
	}
	return job.run(ctx, a, s)
}

// address reads the argument, and refuses flags for many objects where there is
// one.
func (c *rewrapCmd) address() (address, error) {
	if c.Recursive {
		return parsePrefix(string(c.Src))
	}
	if c.Shard != "" || c.Manifest != "" {
		return address{}, usagef("--shard and --manifest: want -r with them")
	}
	return parseAddress(string(c.Src))
}

// newKeys loads what opens the objects from now on, and what must not.
func (c *rewrapCmd) newKeys(a *app) (*newKeys, *backend.RewrapOptions, error) {
	to, err := a.loadNewKeys(c.To, c.Matdesc, c.Region)
	if err != nil {
		return nil, nil, err
	}
	opts := &backend.RewrapOptions{
		Wrappers: to.wrappers, MatDesc: to.desc, KeepMatDesc: c.KeepMatdesc,
		UpgradeWrap: c.UpgradeWrap, DryRun: c.Try, DropRecipients: c.DropRecipients, SkipWrapped: true,
	}
	others, err := a.loadKeys(c.Recipient, c.Region)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range others {
		r, err := k.recipient()
		if err != nil {
			return nil, nil, err
		}
		opts.Recipients = append(opts.Recipients, r)
	}
	if revoked := c.revoked(); len(revoked) > 0 {
		if opts.MustNotOpen, err = a.loadKeyring(revoked, contextFlags{}, c.Region); err != nil {
			return nil, nil, err
		}
	}
	return to, opts, nil
}

// revoked are the keys that must not open the result.
func (c *rewrapCmd) revoked() []text {
	if c.Revoke {
		return slices.Concat(c.MustNotOpen, c.Key)
	}
	return c.MustNotOpen
}

// recipient returns the key as a further one of an object.
func (k *key) recipient() (r envelope.SealRecipient, err error) {
	if k.spec.scheme == keySidecar {
		return r, usagef("--recipient %s: want a key that is not in a sidecar", k.spec.text)
	}
	r.MatDesc = k.spec.matdesc
	r.Wrapper, err = k.wrapper(k.algorithms()[0])
	return r, err
}

// job is what the journal is about. Which keys open the result, and which do not,
// is part of it: by other ones, objects are not done.
func (c *rewrapCmd) job(a *app, at address, to *newKeys) (bulk.Job, error) {
	place, err := c.jobPlace(a, at)
	if err != nil {
		return bulk.Job{}, err
	}
	var opts strings.Builder
	opts.WriteString(fmt.Sprintf("to %s, description %s", strings.Join(to.names, " "), pairsText(to.desc)))
	for _, on := range []struct {
		flag string
		set  bool
	}{{"--keep-matdesc", c.KeepMatdesc}, {"--upgrade-wrap", c.UpgradeWrap}} {
		if on.set {
			opts.WriteString(", " + on.flag)
		}
	}
	for _, of := range []struct {
		flag string
		args []text
	}{{"--recipient", c.Recipient}, {"--must-not-open", c.revoked()}} {
		if len(of.args) == 0 {
			continue
		}
		keys, err := a.loadKeys(of.args, c.Region)
		if err != nil {
			return bulk.Job{}, err
		}
		names, err := keyNames(keys)
		if err != nil {
			return bulk.Job{}, err
		}
		opts.WriteString(", " + of.flag + " " + names)
	}
	return bulk.Job{Operation: "rewrap", Source: place, Options: opts.String()}, nil
}
