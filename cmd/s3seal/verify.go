// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
)

// verifyCmd reads objects and keeps nothing of them.
type verifyCmd struct {
	Key          []text `group:"Key:" short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to decrypt with: aes:FILE, rsa:FILE, kms:KEYID or kms-sidecar:KEYID (see s3seal --help); may be repeated."`
	Against      text   `placeholder:"FILE" help:"Also compare with the SHA-256 of plaintexts: lines as of sha256sum with keys for names, or a journal of migrate. What is not in it, missing, archived, or has failed by the journal, fails."`
	Sums         bool   `help:"Print a line as of sha256sum for each object that was verified, in no order, and no summary."`
	contextFlags `group:"Key:"`
	acceptFlags  `group:"Reading:"`
	jobFlags
	suffixFlags `group:"Storage:"`
	storageFlags
	Prefix text `arg:"" help:"Where: s3://BUCKET, s3://BUCKET/PREFIX, dir:ROOT or dir:ROOT//PREFIX."`

	listed string // the SHA-256 of Against, where there is a journal
}

// Help implements kong.HelpProvider.
func (verifyCmd) Help() string {
	return `Each object is read as a whole and verified, and nothing is written. Nothing in objects in CBC or CTR can be
verified: they are counted as unauthenticated, and --against is what helps, of which only what is under PREFIX
counts. Objects that are not encrypted, and archived ones, are skipped. That an object is the newest, and
stands where it was put, is not verified. A journal of migrate does not tell whether that has ended: what
it has not come to is not missed here, and the same migrate with --dry-run says what that is.

` + bulkHelp + `

Example:

    s3seal verify -k aes:vault.key s3://bucket/backup/
    s3seal verify -k aes:vault.key --sums s3://bucket | sort -k2 >SHA256SUMS
    s3seal verify -k aes:vault.key --against SHA256SUMS s3://bucket`
}

// Run verifies.
func (c *verifyCmd) Run(ctx context.Context, a *app) error {
	if err := c.bulkFlags.check(); err != nil {
		return err
	}
	at, err := parsePrefix(string(c.Prefix))
	if err != nil {
		return err
	}
	if c.Sums && (c.JSON || c.DryRun) {
		return usagef("--sums: want it without --json and --dry-run")
	}
	keys, err := a.loadKeyring(c.Key, c.contextFlags, c.Region)
	if err != nil {
		return err
	}
	opts := &bulk.VerifyOptions{Sum: c.Sums, InstructionSuffix: c.suffix(), Prefix: at.key}
	if c.Against != "" {
		list, err := os.Open(string(c.Against))
		if err != nil {
			return fmt.Errorf("--against: %w", err)
		}
		defer list.Close()
		opts.Against = &againstFile{src: list}
		if c.Journal != "" {
			if c.listed, err = sumOf(list); err != nil {
				return fmt.Errorf("--against: %w", err)
			}
		}
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	open := c.acceptFlags.options()
	open.Release = envelope.UnverifiedUntilEOF() // nothing is released
	bucket := backend.NewBucket(st.driver, nil, keys, &backend.Options{Open: open, Name: at.bucket, InstructionSuffix: c.suffix()})
	s, err := c.selectFrom(ctx, a, bucket, at, false)
	if err != nil {
		return err
	}
	defer s.close()
	return c.run(ctx, a, s, at, bucket, opts)
}

func (c *verifyCmd) run(ctx context.Context, a *app, s *selection, at address, bucket *backend.Bucket, opts *bulk.VerifyOptions) error {
	place, err := c.jobPlace(a, at)
	if err != nil {
		return err
	}
	job := &job{flags: c.jobFlags, verb: "verified", at: at, sums: c.Sums, plain: c.Plaintext}
	job.name = bulk.Job{Operation: "verify", Source: place}
	if c.Against != "" {
		job.name.Options = "against " + c.listed // another list is another job, whatever its name
	}
	if c.Sums {
		job.onDone = func(r bulk.Result) error { return a.printSum(r.SHA256, r.Key) }
	}
	job.work = func(ctx context.Context, s *selection, common bulk.Options) (*bulk.Summary, error) {
		opts.Options = common
		if list, ok := opts.Against.(*againstFile); ok {
			list.read = func() {
				job.against = list.jobs
				a.warnAgainst(list.jobs, at, place)
			}
		}
		sum, err := bulk.Verify(ctx, bucket, s.objects, opts)
		if sum.Outside > 0 {
			a.warn("--against: %d of the objects that it lists are not under %s: they were left out", sum.Outside, at.text)
		}
		return sum, err
	}
	return job.run(ctx, a, s)
}

// sumOf returns the SHA-256 of a file, and goes back to its start.
func sumOf(f *os.File) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err // of a pipe: it can be read once only
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// printSum prints a line as sha256sum does, with its escapes. What a terminal could
// obey it gets as ls prints it; a file gets the key as it is, for --against.
func (a *app) printSum(sum, key string) error {
	mark := ""
	if strings.ContainsAny(key, "\\\n\r") {
		mark = `\`
		key = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(key)
	}
	if isTerminal(a.stdout) {
		key = printable(key)
	}
	if _, err := fmt.Fprintf(a.stdout, "%s%s  %s\n", mark, sum, key); err != nil {
		return fmt.Errorf("write stdout: %w", err)
	}
	return nil
}
