// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

const (
	flagResume  = "--resume"
	stateSuffix = ".s3seal-resume"
)

// resumeFlags make a put one that can go on after an interruption.
type resumeFlags struct {
	Resume bool `help:"Send SRC, a file, so that the same command goes on after a failure: what has arrived is not sent again. What is needed for it is kept beside SRC until then, sealed."`
	State  text `placeholder:"FILE" help:"With --resume, the state file; default SRC.ID.s3seal-resume, where ID depends on the server and DST. Another one for each DST: one with the upload of another is refused."`
}

// resumeHelp is for the help of put.
const resumeHelp = `With --resume an interrupted or failed put leaves what has arrived, and the same command goes on with it.
The key must be able to decrypt, too. SRC must not have changed: it is compared, and if a part that was
encrypted is another now, the exit code is 6; s3seal abort-stale then gives the upload up. Where the state
file or the upload is gone, damaged, or of other flags or another key, the put begins again; but where a --state
file names an upload that is not there, it is refused. Not with --format chunked or dare2, --instruction-file,
--from-command or stdin.`

// checkResume refuses what cannot be resumed, before any work.
func (c *putCmd) checkResume() error {
	suite, err := formatNamed(c.Format)
	switch {
	case err != nil:
		return err
	case !c.Resume && c.State != "":
		return usagef("%s: want %s with it", flagState, flagResume)
	case !c.Resume:
		return nil
	case c.FromCommand:
		return usagef("%s: the output of a command cannot be read again", flagResume)
	case c.Src == stdio:
		return usagef("%s: stdin cannot be read again: want a file", flagResume)
	case suite.suite == envelope.Chunked || c.Format == "dare2":
		return usagef("%s: format %s cannot be resumed: put without it", flagResume, c.Format)
	}
	return nil
}

// statePath is where the state file is. Buckets of one name on two servers have
// nothing to do with each other, so it depends on the server, too.
func (c *putCmd) statePath(a *app, at address) (string, error) {
	if c.State != "" {
		return string(c.State), nil
	}
	place, err := filepath.Abs(at.root)
	if at.isS3() {
		var server endpoint
		server, _, err = c.server(a.env, at)
		place = strings.ToLower(server.host)
	}
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", at.bucket, place, at.key))
	return fmt.Sprintf("%s.%x%s", c.Src, sum[:6], stateSuffix), nil
}

// resume stores src so that it can go on. It returns the size of the plaintext.
func (c *putCmd) resume(ctx context.Context, a *app, st *storage, at address, seal *sealing, src *source, opts *backend.PutOptions) (*backend.ObjectInfo, error) {
	f, ok := src.closer.(*os.File)
	info, err := os.Stat(string(c.Src))
	if err == nil && (!ok || !info.Mode().IsRegular()) {
		return nil, usagef("%s: %s is not a regular file", flagResume, c.Src)
	}
	if err != nil {
		return nil, err
	}
	size := max(src.size, 0) // that of an empty file is not taken for known
	state, err := c.statePath(a, at)
	if err != nil {
		return nil, err
	}
	if err := c.checkBegun(ctx, a, st, at); err != nil {
		return nil, err
	}
	keys, err := a.loadKeyring(c.keyFiles(), contextFlags{}, c.Region)
	if err != nil {
		return nil, err
	}
	options := c.instructionFlags.options(seal.options)
	options.Name, options.Bind = at.bucket, c.Bind
	p := a.progress(at.text, size)
	defer p.end()
	bucket := backend.NewBucket(st.driver, seal.wrapper, keys, options)
	stored, err := bucket.PutResumable(ctx, at.key, watchedSource(p, f), size, state, opts)
	if err != nil {
		return nil, c.explainResume(ctx, st, at, state, c.explainSource(err, size, nil))
	}
	return stored, nil
}

// explainResume says what can be done about err.
func (c *putCmd) explainResume(ctx context.Context, st *storage, at address, state string, err error) error {
	if other, ok := errors.AsType[*backend.StateError](err); ok {
		return c.refuseState(at, state, other.Bucket, other.Key)
	}
	text := ""
	switch {
	case errors.Is(err, stream.ErrPartChanged):
		text = fmt.Sprintf("%s is not what it was when it was interrupted; to begin again: %s", c.Src, c.giveUp(at, state))
		err = errors.Join(backend.ErrChanged, err)
	case errors.Is(err, backend.ErrStateInUse):
		text = "another s3seal is using " + state
	case errors.Is(err, backend.ErrNotState):
		text = strings.TrimPrefix(err.Error(), "backend: ") + ": it stays as it is; want another --state"
	default:
		err = c.explain(ctx, st, at, c.explainSize(err))
		if _, serr := os.Lstat(state); serr != nil || errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		return fmt.Errorf("%w; the same command goes on with what has arrived", err)
	}
	return at.about(&refusal{text, err})
}

// giveUp returns the command that gives an upload up, as a shell takes it.
func (c *putCmd) giveUp(at address, state string) string {
	words := []string{"s3seal", "abort-stale", "--abort", "--older-than", "0s", "--state", state}
	if c.Endpoint != "" {
		words = append(words, "--endpoint", string(c.Endpoint))
	}
	if c.Region != "" {
		words = append(words, "--region", string(c.Region))
	}
	words = append(words, strings.TrimRight(at.place(), "/"))
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word that a shell would not take as it is.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r) || r == filepath.Separator
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// watchedSource returns f with its bytes counted, if anybody watches.
func watchedSource(p *progress, f io.ReaderAt) io.ReaderAt {
	if p == nil {
		return f
	}
	return &countedReaderAt{f, p}
}

type countedReaderAt struct {
	io.ReaderAt
	progress *progress
}

// ReadAt implements io.ReaderAt.
func (r *countedReaderAt) ReadAt(buf []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(buf, off)
	r.progress.add(n)
	return n, err
}
