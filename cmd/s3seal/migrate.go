// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// migrateCmd seals objects anew.
type migrateCmd struct {
	Key              []text `group:"Key:" short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to decrypt with: aes:FILE, rsa:FILE, kms:KEYID or kms-sidecar:KEYID (see s3seal --help); may be repeated."`
	To               []text `group:"Key:" sep:"none" placeholder:"KEY" help:"Key to encrypt with; default the key of -k. With chunked up to 8."`
	Format           string `group:"Format:" type:"lower" enum:"v3,v2,chunked" default:"v3" placeholder:"NAME" help:"The new format: v3 (default, commits to the key), v2 (AES-GCM, for readers that know no v3), or chunked, which s3seal only reads."`
	Matdesc          []text `group:"Key:" sep:"none" placeholder:"NAME=VALUE" help:"Materials description of the new objects; may be repeated. Those of the old ones are not kept."`
	Bind             bool   `group:"Format:" help:"Bind the new objects to their bucket and key (see put --help). With chunked."`
	All              bool   `help:"With --in-place, also objects that are in the new format already, which else are skipped. To DST they go in any case."`
	InPlace          bool   `help:"Replace the objects of SRC. The bucket must keep versions."`
	ForceUnversioned bool   `help:"With --in-place, replace objects in a bucket that does not keep versions: nothing is left of them but what the new ones hold."`
	NoStorageClass   bool   `help:"Do not ask for the storage class that an object had."`
	NoTags           bool   `help:"Neither read nor keep tags: for a DST that has none or other rules for them, or without the permission."`
	NoHeaders        bool   `help:"Do not keep headers such as Content-Disposition, Cache-Control and Expires: for those that DST cannot keep, as with letters that are not ASCII."`
	Current          bool   `help:"Do not list the versions that objects had before. They are not migrated in any case, but counted."`
	acceptFlags      `group:"Reading:"`
	jobFlags
	suffixFlags `group:"Storage:"`
	storageFlags
	Src text `arg:"" help:"The prefix of the old objects: s3://BUCKET/PREFIX/ or dir:ROOT//PREFIX/."`
	Dst text `arg:"" optional:"" help:"What takes its place in the keys of the new ones. It may be in another bucket or folder."`
}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `Each object is decrypted and encrypted anew, through memory. The new one appears when all of the old one was
verified. Content in CBC or CTR cannot be verified: it is copied as it is found, and counted. Metadata,
content type, headers, tags and storage class are kept; of what DST cannot keep an object fails, and --no-headers,
--no-tags and --no-storage-class leave it out. Nothing that is at DST already is replaced: what the
new key opens, and has the same content, metadata and headers, is done; something else is a failure, also what
a public key in --to cannot open. SRC stays, but for --in-place. Objects that are not encrypted, archived,
locked or no longer current are counted and skipped; where one that is locked or archived is not at DST for
that, the exit code is 7.

` + bulkHelp + `
--all, --no-tags, --no-headers and --no-storage-class may change from run to run of one journal. It also gets
the SHA-256 of each plaintext, for s3seal verify --against, which fails where an object has failed here.

Example:

    s3seal migrate -k aes:old.key --to aes:new.key --accept legacy --journal j s3://old/ s3://new/
    s3seal migrate -k aes:vault.key --accept v2 --format chunked --in-place s3://bucket/images/
    s3seal verify -k aes:new.key --against j s3://new/`
}

// Run migrates.
func (c *migrateCmd) Run(ctx context.Context, a *app) error {
	if err := c.bulkFlags.check(); err != nil {
		return err
	}
	src, dst, err := c.addresses(a)
	if err != nil {
		return err
	}
	seal, err := c.sealing(a)
	if err != nil {
		return err
	}
	from, err := c.openStorage(a, src, false)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := c.destination(ctx, a, from, dst)
	if err != nil {
		return err
	}
	defer to.Close()
	old, sealed, err := c.buckets(a, seal, from, to, src, dst)
	if err != nil {
		return err
	}
	s, err := c.selectFrom(ctx, a, old, src, !c.Current)
	if err != nil {
		return err
	}
	defer s.close()
	job := &job{flags: c.jobFlags, verb: "migrated", at: src, to: string(c.Dst), copies: !c.InPlace}
	if job.name, err = c.job(a, src, dst, seal); err != nil {
		return err
	}
	opts := &bulk.MigrateOptions{
		Target: seal.format.suite, All: c.All, ForceUnversioned: c.ForceUnversioned,
		NoStorageClass: c.NoStorageClass, DropTags: c.NoTags, DropHeaders: c.NoHeaders,
		TargetWrap: seal.wrapper.Algorithm(),
	}
	if c.InPlace {
		opts.InPlace = from.driver
	} else {
		opts.Map = func(key string) string { return dst.key + strings.TrimPrefix(key, src.key) }
	}
	job.work = func(ctx context.Context, s *selection, common bulk.Options) (*bulk.Summary, error) {
		opts.Options = common
		opts.OnResult = func(r bulk.Result) {
			r.Err = explainKept(r.Err)
			common.OnResult(r)
		}
		return bulk.Migrate(ctx, old, sealed, s.objects, opts)
	}
	return job.run(ctx, a, s)
}

// destination opens where the new objects go. A dry run does not make the folder,
// and takes one that is not there for an empty one.
func (c *migrateCmd) destination(ctx context.Context, a *app, from *storage, dst address) (*storage, error) {
	if c.InPlace {
		return &storage{driver: from.driver}, nil // which from closes
	}
	to, err := c.openStorage(a, dst, !c.DryRun)
	if c.DryRun && errors.Is(err, backend.ErrNotExist) {
		return &storage{driver: mem.New()}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := dst.checkBucket(ctx, to.driver); err != nil {
		to.Close()
		return nil, err
	}
	return to, nil
}

// addresses reads the arguments.
func (c *migrateCmd) addresses(a *app) (src, dst address, err error) {
	if src, err = parsePrefix(string(c.Src)); err != nil {
		return src, dst, err
	}
	if c.InPlace {
		if c.Dst != "" {
			return src, dst, usagef("--in-place: want SRC only, got %s, too", c.Dst)
		}
		return src, src, nil
	}
	switch {
	case c.ForceUnversioned:
		return src, dst, usagef("--force-unversioned: want --in-place with it")
	case c.Dst == "":
		return src, dst, usagef("want a DST/, or --in-place")
	}
	if dst, err = parsePrefix(string(c.Dst)); err != nil {
		return src, dst, err
	}
	for _, at := range []address{src, dst} {
		if at.key != "" && !strings.HasSuffix(at.key, "/") {
			return src, dst, usagef("%s: want a prefix that ends in /, so that it is clear where the names go on", at.text)
		}
	}
	same, err := c.sameServer(a, src, dst)
	if err != nil {
		return src, dst, err
	}
	if same && (within(src, dst) || within(dst, src)) {
		return src, dst, usagef("%s and %s: one is within the other, so that new objects would be taken for old ones: want others, or --in-place", src.text, dst.text)
	}
	return src, dst, nil
}

// sameServer says whether buckets of one name at the two addresses are one bucket.
// Those of AWS have one name in all regions.
func (f storageFlags) sameServer(a *app, one, other address) (bool, error) {
	var hosts [2]string
	for i, at := range []address{one, other} {
		if !at.isS3() {
			return true, nil
		}
		server, _, err := f.server(a.env, at)
		if err != nil {
			return false, err
		}
		hosts[i] = strings.ToLower(server.host)
		if strings.HasSuffix(hosts[i], ".amazonaws.com") {
			hosts[i] = awsEndpoint
		}
	}
	return hosts[0] == hosts[1], nil
}

// within says whether all objects of inner are also ones of outer, on one server.
func within(inner, outer address) bool {
	if inner.isS3() != outer.isS3() || inner.bucket != outer.bucket {
		return false
	}
	return strings.HasPrefix(inner.whole(), outer.whole())
}

// whole is the prefix as one text.
func (a address) whole() string {
	if a.isS3() {
		return a.key
	}
	return realFolder(a.root) + "/" + a.key
}

// realFolder is the absolute path of a folder without links, as far as it is there.
func realFolder(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return resolved(abs)
}

// sealing loads the new keys.
func (c *migrateCmd) sealing(a *app) (*sealing, error) {
	flags := sealFlags{Format: c.Format, Matdesc: c.Matdesc}
	args := c.To
	if len(args) == 0 {
		if args = c.Key; len(args) > 1 {
			return nil, usagef("%d keys to decrypt with: say which one is to encrypt, with --to KEY", len(args))
		}
	}
	keys, err := a.loadKeys(args, c.Region)
	if err != nil {
		return nil, err
	}
	if err := flags.checkBind(c.Bind); err != nil {
		return nil, err
	}
	return flags.withAll(keys)
}

// buckets returns the old and the new one. What stands in the new one already is
// compared, and so has to be read: by the new keys alone, or what is under an old
// one would pass for migrated.
func (c *migrateCmd) buckets(a *app, seal *sealing, from, to *storage, src, dst address) (old, sealed *backend.Bucket, err error) {
	keys, err := a.loadKeyring(c.Key, contextFlags{}, c.Region)
	if err != nil {
		return nil, nil, err
	}
	own, err := c.own(a, seal)
	if err != nil {
		return nil, nil, err
	}
	again, err := a.loadKeyring(own, contextFlags{}, c.Region)
	if err != nil {
		return nil, nil, err
	}
	open := c.acceptFlags.options()
	open.Release = envelope.UnverifiedUntilEOF() // nothing becomes visible before
	old = backend.NewBucket(from.driver, nil, keys, &backend.Options{Open: open, Name: src.bucket, InstructionSuffix: c.suffix()})
	sealed = backend.NewBucket(to.driver, seal.wrapper, again, &backend.Options{
		Seal: seal.options, Bind: c.Bind, Name: dst.bucket, InstructionSuffix: c.suffix(),
		Open: seal.reading(),
	})
	return old, sealed, nil
}

// reading is what it takes to read what is sealed so, and no more.
func (s *sealing) reading() envelope.OpenOptions {
	return envelope.OpenOptions{
		AllowUncommitted: s.format.suite == envelope.V2GCM,
		AllowLegacyWraps: s.wrapper.Algorithm() == wrap.AESKW, // of a sidecar in v2
		ExtraSuites:      extraSuites(), Release: envelope.UnverifiedUntilEOF(),
	}
}

// own are the new keys that can open. Of one whose private half is missing, it may
// be among the old ones.
func (c *migrateCmd) own(a *app, seal *sealing) (own []text, err error) {
	var public []*rsa.PublicKey
	for _, k := range seal.keys() {
		if k.aes != nil || k.priv != nil || k.kms != nil {
			own = append(own, text(k.spec.text+"#"))
		} else {
			public = append(public, k.pub)
		}
	}
	if len(public) == 0 {
		return own, nil
	}
	old, err := a.loadKeys(c.Key, c.Region)
	for _, k := range old {
		if k.priv != nil && slices.ContainsFunc(public, func(p *rsa.PublicKey) bool { return p.Equal(k.pub) }) {
			own = append(own, text(k.spec.text+"#"))
		}
	}
	return own, err
}

// keys are all that the objects are sealed for.
func (s *sealing) keys() []*key {
	all := []*key{s.key}
	for _, other := range s.others {
		all = append(all, other.key)
	}
	return all
}

// explainKept names the flag that leaves out what DST cannot keep.
func explainKept(err error) error {
	keep, ok := errors.AsType[*bulk.KeepError](err)
	if !ok {
		return err
	}
	flags := map[string]string{"DropTags": "tags out with --no-tags", "DropHeaders": "headers out with --no-headers", "NoStorageClass": "it out with --no-storage-class"}
	return &refusal{fmt.Sprintf("%v: leave %s", keep.Err, flags[keep.Option]), err}
}

// job is what the journal is about. What is kept of objects is not part of it: so
// those that have failed of that can be gone on with.
func (c *migrateCmd) job(a *app, src, dst address, seal *sealing) (bulk.Job, error) {
	from, err := c.jobPlace(a, src)
	if err != nil {
		return bulk.Job{}, err
	}
	to, err := c.jobPlace(a, dst)
	if err != nil {
		return bulk.Job{}, err
	}
	names, err := keyNames(seal.keys())
	if err != nil {
		return bulk.Job{}, err
	}
	opts := fmt.Sprintf("format %s, description %s, bound %v, to %s", c.Format, pairsText(seal.options.MatDesc), c.Bind, names)
	return bulk.Job{Operation: "migrate", Source: from, Destination: to, Options: opts}, nil
}
