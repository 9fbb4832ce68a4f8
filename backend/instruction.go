// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/s3seal/s3seal/envelope"
)

var (
	// ErrNoInstructionFile says that metadata holds one part of an envelope
	// and the instruction file with the other part is not there.
	ErrNoInstructionFile = errors.New("backend: instruction file is missing")

	// ErrInstructionFile says that a put would replace an instruction file,
	// which Options.AllowInstructionOverwrite allows, or another object in
	// the place of one, which nothing allows.
	ErrInstructionFile = errors.New("backend: instruction file would be replaced")
)

const (
	// instructionType is the media type of the files that are written.
	instructionType = "application/json"

	// markerText is what the C++ client writes as the value of the marker.
	// Most others leave it empty, but storage may lose an empty value, and
	// the first Java client takes a file without the marker for none.
	markerText = "default instruction file header"

	// cleanupTimeout bounds what is done after a put has failed, which a
	// context that is done must not prevent.
	cleanupTimeout = 5 * time.Second
)

// errNoFile says that there is no object in the place of an instruction file.
var errNoFile = errors.New("no instruction file")

// An instruction is an object in the place of an instruction file.
type instruction struct {
	key  string // its own
	info *Info
	data []byte
}

// findHeader returns the envelope of an object, and the key of the instruction
// file if it is in one. Only metadata without an envelope makes it look for a
// file; without a file, and only then, the error is that of the metadata.
func (b *Bucket) findHeader(ctx context.Context, key string, info *Info) (h *envelope.Header, file string, err error) {
	h, err = envelope.ParseHeader(info.Metadata, b.known...)
	if err == nil || !envelope.NeedsInstructionFile(info.Metadata) {
		return h, "", err
	}
	found, fileErr := b.findInstruction(ctx, key)
	switch {
	case errors.Is(fileErr, errNoFile) && errors.Is(err, envelope.ErrNotEncrypted):
		return nil, "", err
	case errors.Is(fileErr, errNoFile):
		return nil, "", fmt.Errorf("%w: %q: %w", ErrNoInstructionFile, key+b.suffixes[0], err)
	case fileErr != nil:
		return nil, "", fileErr
	}
	parse := envelope.ParseInstructionFile
	if found.key == key+envelope.DotNetInstructionSuffix {
		parse = envelope.ParseDotNetInstructionFile
	}
	if h, err = parse(info.Metadata, bytes.NewReader(found.data), b.known...); err != nil {
		return nil, "", fmt.Errorf("instruction file %q: %w", found.key, err)
	}
	return h, found.key, nil
}

// findInstruction reads the first thing that is in a place of an instruction
// file of key. The usual place counts in any case: ciphertext whose envelope
// is there must not pass for plaintext because the bucket uses another one.
func (b *Bucket) findInstruction(ctx context.Context, key string) (*instruction, error) {
	for _, suffix := range b.suffixes {
		found, err := b.readInstruction(ctx, key+suffix)
		if errors.Is(err, errNoFile) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("instruction file %q: %w", key+suffix, err)
		}
		return found, nil
	}
	return nil, errNoFile
}

// readInstruction reads the instruction file under its own key, by one request
// and never more than a file may have. Only an answer that there is no such
// object is errNoFile.
func (b *Bucket) readInstruction(ctx context.Context, file string) (*instruction, error) {
	body, info, err := b.driver.Get(ctx, file, &GetOptions{})
	switch {
	case errors.Is(err, ErrNotExist), errors.Is(err, ErrKey): // a key too long for any object
		return nil, errNoFile
	case err != nil:
		return nil, err
	}
	defer body.Close() // what counts is whether all was read
	if info.Size < 0 || info.Size > envelope.MaxInstructionSize {
		reason := fmt.Sprintf("want at most %d bytes, got %d", envelope.MaxInstructionSize, info.Size)
		return nil, &envelope.MetadataError{Name: "instruction file", Reason: reason}
	}
	data, err := io.ReadAll(newBodyReader(ctx, body, info.Size, "read instruction file"))
	if err != nil {
		return nil, err
	}
	return &instruction{file, info, data}, nil
}

// genuine reads what is in the place of an instruction file. It returns nil
// for no object, and ErrInstructionFile for one that is no instruction file.
func (b *Bucket) genuine(ctx context.Context, file string) (*instruction, error) {
	found, err := b.readInstruction(ctx, file)
	if errors.Is(err, errNoFile) {
		return nil, nil
	}
	ok := false
	if err == nil {
		ok, err = envelope.IsInstructionFile(bytes.NewReader(found.data), b.known...)
	}
	if _, foreign := errors.AsType[*envelope.MetadataError](err); foreign || err == nil && !ok {
		return nil, fmt.Errorf("%w: %q exists and is no instruction file", ErrInstructionFile, file)
	}
	if err != nil {
		return nil, fmt.Errorf("instruction file %q: %w", file, err)
	}
	return found, nil
}

// unchanged makes sure that the object of a Get is still the one under key
// once its instruction file has been read. It cannot see that a put has
// replaced the file and has yet to replace the object.
func (b *Bucket) unchanged(ctx context.Context, key string, info *Info) error {
	now, err := b.driver.Stat(ctx, key)
	switch {
	case errors.Is(err, ErrNotExist):
		return fmt.Errorf("%w: it was deleted", ErrChanged)
	case err != nil:
		return err
	case info.ETag == "":
		return errNoETag
	case now.ETag != info.ETag || now.Size != info.Size:
		return fmt.Errorf("%w: want ETag %q with %d bytes, got %q with %d", ErrChanged, info.ETag, info.Size, now.ETag, now.Size)
	}
	return nil
}

// checkKey refuses the keys that readers take for instruction files.
func (b *Bucket) checkKey(key string) error {
	for _, suffix := range b.suffixes {
		if strings.HasSuffix(key, suffix) {
			return fmt.Errorf("%w: keys that end in %q are those of instruction files", ErrKey, suffix)
		}
	}
	return nil
}

// A placed is an instruction file that was stored ahead of its object.
type placed struct {
	key, file string
	data      []byte       // of the file; nil if it was stored as something else
	etag      string       // of the object before, or empty
	old       *instruction // the file before, or nil
	exclusive bool         // nobody else can have put a file there meanwhile
	stored    bool         // the storage says that it has stored something
	begun     bool         // the object may be stored, too
}

// place stores the instruction file of key. With exclusive only where there is
// neither an object nor a file: of several such puts one stores its file, and
// the others harm neither that nor its object.
func (b *Bucket) place(ctx context.Context, key string, data []byte, exclusive bool) (*placed, error) {
	p := &placed{key: key, file: key + b.suffixes[0], data: data, exclusive: exclusive}
	if exclusive {
		return p, b.placeExclusive(ctx, p)
	}
	var err error
	if p.old, err = b.genuine(ctx, p.file); err != nil {
		return nil, err
	}
	if p.old != nil && !b.overwrite && !versioned(p.old.info) {
		return nil, fmt.Errorf("%w: %q exists, and until the object is replaced too nobody can read it;"+
			" delete the object first, or seal without an instruction file, or set AllowInstructionOverwrite", ErrInstructionFile, p.file)
	}
	if p.etag, err = b.etag(ctx, key); err != nil {
		return nil, err
	}
	return p, b.putPlaced(ctx, p, instructionOptions())
}

// placeExclusive is place for a put with IfNoneMatch.
func (b *Bucket) placeExclusive(ctx context.Context, p *placed) error {
	etag, err := b.etag(ctx, p.key)
	if err != nil {
		return err
	}
	if etag != "" {
		return fmt.Errorf("%w: %q", ErrExist, p.key)
	}
	opts := instructionOptions()
	opts.IfNoneMatch = true
	return b.putPlaced(ctx, p, opts)
}

// putPlaced stores the file, or leaves what was before: an error need not mean that
// nothing was stored, for the answer alone may have been lost.
func (b *Bucket) putPlaced(ctx context.Context, p *placed, opts *PutOptions) (err error) {
	p.stored, err = b.putInstruction(ctx, p.file, p.data, opts)
	switch {
	case err == nil:
		return nil
	case opts.IfNoneMatch && errors.Is(err, ErrExist):
		return fmt.Errorf("%w: %q exists: another put of this key is under way, or has left it; delete the key first", ErrInstructionFile, p.file)
	case p.stored: // but not as it should be
		p.data = nil // what is there cannot be recognised
	}
	return b.takeBack(ctx, p, err)
}

func instructionOptions() *PutOptions {
	return &PutOptions{Metadata: map[string]string{envelope.InstructionMarker: markerText}, ContentType: instructionType}
}

// inPlace makes sure that the object that was stored has its instruction file.
// Storing it can take hours, in which another put or a delete of the same key
// may have changed or removed the file; then it is put back, as long as the
// object is still ours: the last one stored wins, with its file.
func (b *Bucket) inPlace(ctx context.Context, p *placed, etag string) error {
	now, err := b.genuine(ctx, p.file)
	if err != nil {
		return err
	}
	if now != nil && bytes.Equal(now.data, p.data) {
		return nil
	}
	current, err := b.etag(ctx, p.key)
	if err != nil {
		return err
	}
	if current != etag {
		return fmt.Errorf("%w: it was replaced or deleted while it was being stored", ErrChanged)
	}
	_, err = b.putInstruction(ctx, p.file, p.data, instructionOptions())
	return err
}

// etag returns the ETag of the object under key, or "" if there is none.
func (b *Bucket) etag(ctx context.Context, key string) (string, error) {
	info, err := b.driver.Stat(ctx, key)
	switch {
	case errors.Is(err, ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	}
	return info.ETag, nil
}

// versioned reports whether the storage keeps the version that info is of.
func versioned(info *Info) bool { return info.VersionID != "" && info.VersionID != "null" }

// putInstruction also reports whether the storage says that it has stored
// something, even if that is an error.
func (b *Bucket) putInstruction(ctx context.Context, file string, data []byte, opts *PutOptions) (stored bool, err error) {
	size := int64(len(data))
	body := newBodyReader(ctx, bytes.NewReader(data), size, "write instruction file")
	info, putErr := b.driver.Put(ctx, file, body, size, opts)
	if err := outcome(body, info, putErr); err != nil {
		return putErr == nil, fmt.Errorf("instruction file %q: %w", file, err)
	}
	return true, nil
}

// takeBack restores what was before place, and returns cause with what went
// wrong in doing so. But where the storage holds another object than before,
// although it has reported a failure or not taken all of the body, or does not
// say what it holds, the file stays: without it, ciphertext would look like
// plaintext. In place of a file before, it does not: the object that needs that
// is known to have been there. A file that is not the one that was placed belongs
// to another put and stays, too.
func (b *Bucket) takeBack(ctx context.Context, p *placed, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	// A failed condition is different: nothing of ours is in that object.
	refused := p.exclusive && errors.Is(cause, ErrExist)
	if !refused && (p.begun || p.data == nil) {
		now, err := b.etag(ctx, p.key)
		switch {
		case err == nil && now != "" && now != p.etag:
			return fmt.Errorf("%w (yet the object has changed, so instruction file %q stays)", cause, p.file)
		case err != nil && p.old == nil:
			return fmt.Errorf("%w (and it is not known what became of the object, so instruction file %q stays: %w)", cause, p.file, err)
		case err != nil:
			cause = fmt.Errorf("%w (and it is not known what became of the object: %w)", cause, err)
		}
	}
	now, err := b.readInstruction(ctx, p.file)
	switch {
	case errors.Is(err, errNoFile) && p.old == nil:
		return cause
	case err == nil && p.data != nil && !bytes.Equal(now.data, p.data):
		return cause
	case err != nil && p.old == nil && !p.stored: // it may be that of another put
		return fmt.Errorf("%w (and it is not known whether instruction file %q was stored: %w)", cause, p.file, err)
	case p.old == nil:
		err = b.driver.Delete(ctx, p.file)
	default:
		opts := &PutOptions{Metadata: p.old.info.Metadata, ContentType: p.old.info.ContentType, Headers: p.old.info.Headers}
		if _, err = b.putInstruction(ctx, p.file, p.old.data, opts); err != nil {
			// Others may have given it what no put takes. The old object needs what
			// is in the file, and not what is said of it.
			_, err = b.putInstruction(ctx, p.file, p.old.data, instructionOptions())
		}
	}
	if err == nil || errors.Is(err, ErrNotExist) {
		return cause
	}
	left := "is"
	if !p.stored {
		left = "may be"
	}
	return fmt.Errorf("%w (and instruction file %q %s left behind: %w)", cause, p.file, left, err)
}

// deleteInstructions removes the instruction files of key. Another object in
// the place of one is none of our business.
func (b *Bucket) deleteInstructions(ctx context.Context, key string) error {
	if b.checkKey(key) != nil { // is one itself
		return nil
	}
	for _, suffix := range b.suffixes {
		found, err := b.genuine(ctx, key+suffix)
		if errors.Is(err, ErrInstructionFile) || err == nil && found == nil {
			continue
		}
		if err != nil {
			return err
		}
		if err := b.driver.Delete(ctx, found.key); err != nil && !errors.Is(err, ErrNotExist) {
			return fmt.Errorf("instruction file %q: %w", found.key, err)
		}
	}
	return nil
}
