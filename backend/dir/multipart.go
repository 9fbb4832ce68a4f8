// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.Multiparter = (*Driver)(nil)

// maxParts is that of S3; a folder has no limit of its own.
const maxParts = 10000

// uploadFile is the file of an upload that is none of its parts.
const uploadFile = "upload.json"

// An upload is what uploadFile says.
type upload struct {
	Key string `json:"key"`
}

func uploadFolder(id string) string { return partDir + "/" + id }

func isUploadID(id string) bool { return len(id) == 2*nonceSize && isHex(id) }

// UploadLimits returns the limits of parts, of which there are few: they may be
// empty. It may be called concurrently.
func (d *Driver) UploadLimits() backend.UploadLimits {
	return backend.UploadLimits{
		PartSize:    8 << 20,
		MaxPartSize: math.MaxInt,
		MaxSize:     math.MaxInt64,
		MaxParts:    maxParts,
		Concurrency: 1,
	}
}

// StartUpload begins an upload. See [backend.Multiparter].
func (d *Driver) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	o, err := d.begin(ctx, key)
	if err != nil {
		return "", err
	}
	if err := d.check(ctx, o, opts); err != nil {
		return "", err
	}
	data, err := json.Marshal(upload{key})
	if err != nil {
		return "", fmt.Errorf("dir: start upload: %w", err)
	}
	id := newNonce()
	f, err := d.create(uploadFolder(id) + "/" + uploadFile)
	if err == nil {
		err = fill(f, data)
	}
	if err == nil {
		err = d.syncFolders(uploadFolder(id))
	}
	if err != nil {
		d.removeUpload(id)
		return "", fmt.Errorf("dir: start upload of %.100q: %w", key, err)
	}
	d.at("upload started")
	return id, nil
}

// fill writes data to a new file, syncs and closes it.
func fill(f io.WriteCloser, data []byte) error {
	_, err := f.Write(data)
	if s, ok := f.(interface{ Sync() error }); ok && err == nil {
		err = s.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// PutPart stores a part. See [backend.Multiparter].
func (d *Driver) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	if number < 1 || number > maxParts {
		return backend.Part{}, fmt.Errorf("dir: %w: number: want 1 to %d, got %d", backend.ErrPart, maxParts, number)
	}
	if err := d.checkUpload(ctx, key, id); err != nil {
		return backend.Part{}, err
	}
	sum := sha256.Sum256(body)
	p := part{number: number, size: int64(len(body)), sum: fmt.Sprintf("%x", sum)}
	if err := d.storePart(id, p, body); err != nil {
		return backend.Part{}, uploadError(key, id, err)
	}
	return p.describe(), nil
}

// storePart writes a part under another name first, so that none is ever there
// in part. Parts are only added, and those removed that one with a higher turn
// replaces; so of two that arrive at the same time one is there in the end.
func (d *Driver) storePart(id string, p part, body []byte) error {
	folder := uploadFolder(id)
	temp := folder + "/" + newNonce()
	f, err := d.create1(temp)
	if err != nil {
		return err
	}
	defer d.root.Remove(temp)
	d.at("part created")
	if err := fill(f, body); err != nil {
		return err
	}
	d.at("part written")
	all, err := d.parts(id)
	if err != nil {
		return err
	}
	for _, old := range all {
		if old.number == p.number {
			p.turn = max(p.turn, old.turn+1)
		}
	}
	if err := d.root.Rename(temp, folder+"/"+p.name()); err != nil {
		return err
	}
	d.at("part named")
	// Before the one that it replaces goes, or a power failure may take both.
	if err := d.syncFolders(folder); err != nil {
		return err
	}
	for _, old := range all {
		if old.number == p.number {
			d.root.Remove(folder + "/" + old.name())
		}
	}
	return nil
}

// CompleteUpload makes an object of parts. See [backend.Multiparter]. It copies
// them, so the device needs room for both.
func (d *Driver) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	if err := d.checkUpload(ctx, key, id); err != nil {
		return nil, err
	}
	o := newObject(key)
	if err := d.check(ctx, o, opts); err != nil {
		return nil, err
	}
	chosen, size, err := d.choose(id, parts)
	if err != nil {
		return nil, uploadError(key, id, err)
	}
	src := &joined{d: d, id: id, parts: chosen}
	defer src.close()
	info, err := d.store(ctx, o, backend.NewBodyReader(ctx, src, size), opts)
	if err != nil {
		return nil, err
	}
	d.at("upload completed")
	d.removeUpload(id)
	return info, nil
}

// choose finds the parts that are asked for.
func (d *Driver) choose(id string, parts []backend.Part) (chosen []part, size int64, err error) {
	all, err := d.parts(id)
	if err != nil {
		return nil, 0, err
	}
	there := latestParts(all)
	for i, want := range parts {
		got, ok := there[want.Number]
		if !ok || got.sum != want.ETag || i > 0 && want.Number <= parts[i-1].Number {
			return nil, 0, fmt.Errorf("%w: part %d", backend.ErrPart, want.Number)
		}
		chosen = append(chosen, got)
		size += got.size
	}
	if len(chosen) == 0 {
		return nil, 0, fmt.Errorf("%w: no parts", backend.ErrPart)
	}
	return chosen, size, nil
}

// AbortUpload removes an upload. See [backend.Multiparter].
func (d *Driver) AbortUpload(ctx context.Context, key, id string) error {
	if err := d.checkUpload(ctx, key, id); err != nil {
		return err
	}
	if err := d.removeUpload(id); err != nil {
		return uploadError(key, id, err)
	}
	return nil
}

// removeUpload takes the upload away first, after which no part can be added.
func (d *Driver) removeUpload(id string) error {
	if err := d.root.Rename(uploadFolder(id), uploadFolder(id)+swept); err != nil {
		return err
	}
	d.at("upload taken away")
	if err := d.root.RemoveAll(uploadFolder(id) + swept); err != nil {
		return err
	}
	d.removeFolder(partDir) // fails unless it is empty
	return nil
}

// ListUploads returns the uploads that are not over, of all processes. See
// [backend.Multiparter].
func (d *Driver) ListUploads(ctx context.Context, prefix string) ([]backend.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	names, err := readNames(d.root, partDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dir: list uploads: %w", err)
	}
	var list []backend.Upload
	for _, id := range names {
		if !isUploadID(id) {
			continue
		}
		u, err := d.loadUpload(id)
		if errors.Is(err, fs.ErrNotExist) { // is over, or about to begin
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("dir: list uploads: %w", err)
		}
		if strings.HasPrefix(u.Key, prefix) {
			list = append(list, *u)
		}
	}
	return list, nil
}

// ListParts returns the parts of an upload. See [backend.Multiparter].
func (d *Driver) ListParts(ctx context.Context, key, id string) ([]backend.Part, error) {
	if err := d.checkUpload(ctx, key, id); err != nil {
		return nil, err
	}
	all, err := d.parts(id)
	if err != nil {
		return nil, uploadError(key, id, err)
	}
	there := latestParts(all)
	var list []backend.Part
	for number := 1; number <= maxParts && len(list) < len(there); number++ {
		if p, ok := there[number]; ok {
			list = append(list, p.describe())
		}
	}
	return list, nil
}

// checkUpload makes sure that there is an upload of that key.
func (d *Driver) checkUpload(ctx context.Context, key, id string) error {
	if _, err := d.begin(ctx, key); err != nil {
		return err
	}
	if !isUploadID(id) {
		return uploadError(key, id, fs.ErrNotExist)
	}
	u, err := d.loadUpload(id)
	if err == nil && u.Key != key {
		err = fs.ErrNotExist
	}
	if err != nil {
		return uploadError(key, id, err)
	}
	return nil
}

// uploadError is what has gone wrong with an upload; if a file is missing, it is
// that there is none.
func uploadError(key, id string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = backend.ErrNoUpload
	}
	return fmt.Errorf("dir: upload %.40q of %.100q: %w", id, key, err)
}

func (d *Driver) loadUpload(id string) (*backend.Upload, error) {
	f, err := d.root.OpenFile(uploadFolder(id)+"/"+uploadFile, openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxContents))
	if err != nil {
		return nil, err
	}
	var u upload
	if len(bytes.TrimSpace(data)) == 0 { // begun by a process that was killed
		return nil, fs.ErrNotExist
	}
	if err := json.Unmarshal(data, &u); err != nil {
		return nil, fmt.Errorf("upload %s is damaged: %w", id, err)
	}
	return &backend.Upload{Key: u.Key, ID: id, Initiated: fi.ModTime()}, nil
}
