// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/s3seal/s3seal/backend"
)

// putCmd encrypts a file into storage.
type putCmd struct {
	Key        []text `group:"Key:" short:"k" sep:"none" placeholder:"KEY" help:"Key to encrypt with: aes:FILE, rsa:FILE, kms:KEYID or kms-sidecar:KEYID (see s3seal --help). With --format chunked up to 8, each of which opens it."`
	NewKey     text   `group:"Key:" placeholder:"FILE" help:"Instead of -k: AES-256 key file to encrypt with, made if it is not there."`
	sealFlags  `group:"Format:"`
	Bind       bool   `group:"Format:" help:"Bind the content to the object's bucket and key (in a folder, to the key): it opens under no other name, so copies and renamed objects do not. With chunked and dare2."`
	ExpectSize *int64 `placeholder:"N" help:"Size of SRC in bytes, where it cannot be seen; another size is an error."`
	jsonFlags
	objectFlags      `group:"Object:"`
	resumeFlags      `group:"Resume:"`
	instructionFlags `group:"Storage:"`
	storageFlags
	Src text `arg:"" help:"The file to encrypt, or - for stdin."`
	Dst text `arg:"" help:"The object to write; an existing one is replaced, unless --if-none-match or --if-match forbid it, but no other file in a folder."`
	commandFlags
}

// Help implements kong.HelpProvider.
func (putCmd) Help() string {
	return `The object appears when all of it has been stored. If SRC fails half way, or the command is interrupted,
nothing is left behind. What --content-type, --meta and --tag say is not encrypted. A storage that cannot do
what a flag asks for is an error.

` + commandHelp + `

` + resumeHelp + `

Example:

    s3seal put --new-key vault.key README.md dir:./vault/README.md
    s3seal put -k aes:vault.key --resume disk.img s3://bucket/disk.img
    s3seal put -k aes:vault.key --from-command s3://bucket/db.sql -- pg_dump db
    gzip <log | s3seal put -k aes:vault.key - s3://bucket/log.gz
    s3seal put -k aes:vault.key --if-none-match --meta host=db1 --tag keep=90d d.gz s3://bucket/d.gz
    s3seal put -k aes:vault.key -k rsa:recovery.pub --format chunked --bind a.img s3://bucket/a.img
    s3seal put -k aes:vault.key --instruction-file dump.gz s3://bucket/dump.gz
    s3seal put -k kms-sidecar:alias/app --format v2 dump.gz s3://bucket/dump.gz`
}

// Run stores the object.
func (c *putCmd) Run(ctx context.Context, a *app) error {
	if len(c.Key) > 0 && c.NewKey != "" {
		return usagef("want one of -k KEY and --new-key FILE, got both")
	}
	if len(c.Key) == 0 && c.NewKey == "" {
		return usagef("want a key to encrypt with: -k KEY or --new-key FILE")
	}
	if err := c.checkBind(c.Bind); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := c.checkResume(); err != nil {
		return err
	}
	opts, err := c.objectFlags.options()
	if err != nil {
		return err
	}
	at, err := parseAddress(string(c.Dst))
	if err != nil {
		return err
	}
	if err := c.checkTarget(ctx, at); err != nil {
		return err
	}
	if err := c.checkState(at); err != nil {
		return err
	}
	// The source comes before the key: a misspelt file name is no reason to
	// make one.
	src, err := c.source(ctx, a)
	if err != nil {
		return err
	}
	defer src.Close()
	seal, err := c.sealing(a)
	if err != nil {
		return err
	}
	st, err := c.openTarget(a, at)
	if err != nil {
		return err
	}
	defer st.Close()
	if c.Resume {
		info, err := c.resume(ctx, a, st, at, seal, src, opts)
		if err != nil {
			return err
		}
		return c.report(a, at, seal, info.PlaintextSizeMax, info)
	}

	options := c.instructionFlags.options(seal.options)
	options.Name, options.Bind = at.bucket, c.Bind
	bucket := backend.NewBucket(st.driver, seal.wrapper, nil, options)
	p := a.progress(at.text, src.size)
	plain := &counter{r: p.reader(src)}
	info, err := bucket.Put(ctx, at.key, plain, src.size, opts)
	p.end()
	if err != nil {
		return c.explain(ctx, st, at, c.explainSize(c.explainSource(commandCause(err), src.size, plain)))
	}
	return c.report(a, at, seal, plain.n, info)
}

// keyFiles returns the key as KEY arguments, also the one that is yet to be
// made.
func (c *putCmd) keyFiles() []text {
	if c.NewKey != "" {
		return []text{keyAES + ":" + c.NewKey + "#"} // its name may hold a #
	}
	return c.Key
}

// sealing loads or makes the key.
func (c *putCmd) sealing(a *app) (*sealing, error) {
	if c.NewKey != "" {
		// Refuse what the new key could not do before it is made.
		if _, err := c.with(&key{spec: keySpec{text: "--new-key"}, aes: make([]byte, ownKeySize)}); err != nil {
			return nil, err
		}
		k, err := a.useOrCreateKey(string(c.NewKey))
		if err != nil {
			return nil, err
		}
		return c.with(k)
	}
	keys, err := a.loadKeys(c.Key, c.Region)
	if isMissingKey(err, c.Key) {
		err = fmt.Errorf("%w: check the name, or make a key with s3seal keygen", err)
	}
	if err != nil {
		return nil, err
	}
	return c.withAll(keys)
}

// isMissingKey says whether err is that the file of a key is not there, and not
// another one that keys need.
func isMissingKey(err error, keys []text) bool {
	path, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	specs, _ := parseKeySpecs(keys)
	return slices.ContainsFunc(specs, func(s keySpec) bool { return s.isFile() && s.path == path.Path })
}

// A putReport is what put prints. The JSON names are relied upon, and those that
// stat has, too, mean the same.
type putReport struct {
	Address          string   `json:"address"`
	Format           string   `json:"format"`
	ContentAlgorithm string   `json:"content_algorithm"`
	Wrap             string   `json:"wrap"`
	Keys             []string `json:"keys"` // as they were named
	InstructionFile  string   `json:"instruction_file,omitempty"`
	StoredSize       int64    `json:"stored_size"`
	PlaintextSize    int64    `json:"plaintext_size"`
	ETag             string   `json:"etag"`
	VersionID        string   `json:"version_id,omitempty"`
}

// report says what was stored.
func (c *putCmd) report(a *app, at address, seal *sealing, plain int64, info *backend.ObjectInfo) error {
	if c.JSON {
		r := &putReport{
			Address: at.text, Wrap: seal.wrapper.Algorithm().String(), Keys: []string{seal.key.spec.text}, InstructionFile: info.InstructionFile,
			StoredSize: info.Size, PlaintextSize: plain, ETag: info.ETag, VersionID: info.VersionID,
		}
		r.Format, r.ContentAlgorithm = formatName(seal.format.suite)
		for _, other := range seal.others {
			r.Keys = append(r.Keys, other.key.spec.text)
		}
		return a.printJSON(r)
	}
	if a.quiet {
		return nil
	}
	lines := [][2]string{
		{"stored", at.text},
		{"format", formatText(seal.format.suite)},
		{"wrap", seal.wrapper.Algorithm().String()},
		{"plaintext", sizeText(plain, plain)},
		{"size", sizeText(info.Size, info.Size)},
		{"key", seal.key.spec.text},
	}
	for _, other := range seal.others {
		lines = append(lines, [2]string{"or key", other.key.spec.text})
	}
	if info.InstructionFile != "" {
		lines = append(lines, [2]string{"envelope", info.InstructionFile})
	}
	return a.printLines(lines)
}

// A counter counts what is read: the plaintext size, which a format in blocks
// does not give away.
type counter struct {
	r     io.Reader
	n     int64
	ended bool
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.ended = c.ended || err == io.EOF
	return n, err
}
