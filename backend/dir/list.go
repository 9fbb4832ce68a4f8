// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/s3seal/s3seal/backend"
)

var (
	_ backend.Lister           = (*Driver)(nil)
	_ backend.Versioner        = (*Driver)(nil)
	_ backend.MetadataReplacer = (*Driver)(nil)
)

// namesAtOnce is how many names are asked for at a time.
const namesAtOnce = 1024

// List yields the objects that opts select. See [backend.Lister].
//
// It reads the folders as it gets to them, and holds the names in those that
// lead to the object at hand: little, unless a single folder is huge. Of each
// object it asks what Stat does, but does not read its record, so that one that
// is damaged does not end the listing. Folders that Prefix names are opened
// without looking at what lies beside them.
//
// What Get would not open is not listed: links, files that are no regular ones or
// whose path is no key, what is in a .s3seal, also that of a bucket in this one. A
// file or folder that may not be read is an error.
func (d *Driver) List(ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	given := *opts
	return func(yield func(*backend.Info, error) bool) {
		l := &listing{d: d, ctx: ctx, opts: given, yield: yield}
		if given.Versions && given.After != "" {
			l.fail(fmt.Errorf("versions after a key: %w", errors.ErrUnsupported))
			return
		}
		if l.folder("") && ctx.Err() != nil { // also where nothing is selected
			l.fail(ctx.Err())
		}
	}
}

// Versioned returns false: an object that is replaced is gone. See
// [backend.Versioner].
func (d *Driver) Versioned(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("dir: %w", err)
	}
	return false, nil
}

// A listing is one use of what List has returned. Its methods report whether to
// go on.
type listing struct {
	d     *Driver
	ctx   context.Context
	opts  backend.ListOptions
	yield func(*backend.Info, error) bool
}

func (l *listing) fail(err error) bool {
	l.yield(nil, fmt.Errorf("dir: list: %w", err))
	return false
}

// folder lists a folder, whose name ends in a slash but for that of the root. A
// folder sorts as the keys in it do, with its slash: "a-b" comes before "a/b", and
// that before "a0".
func (l *listing) folder(name string) bool {
	names, err := l.names(name)
	if err != nil {
		return l.fail(err)
	}
	for _, entry := range names {
		full, more := name+entry, true
		switch {
		case !strings.HasSuffix(entry, "/"):
			more = l.object(full)
		case !strings.EqualFold(entry, home+"/"):
			more = l.folder(full)
		}
		if !more {
			return false
		}
	}
	return true
}

// names returns in order what in a folder may be selected, folders with a slash.
func (l *listing) names(folder string) ([]string, error) {
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(l.opts.Prefix, folder); ok && strings.Contains(rest, "/") {
		only, _, _ := strings.Cut(rest, "/")
		return l.only(folder, only)
	}
	f, err := l.d.root.OpenFile(strings.TrimSuffix("./"+folder, "/"), openFlags, 0)
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	for {
		entries, err := f.ReadDir(namesAtOnce)
		for _, e := range entries {
			name := e.Name()
			if e.IsDir() {
				name += "/"
			}
			if l.selects(folder + name) {
				names = append(names, name)
			}
		}
		switch {
		case err == io.EOF:
			slices.Sort(names)
			return names, nil
		case gone(err):
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
}

// only returns the one folder in a folder that can be selected, if it is there.
func (l *listing) only(folder, name string) ([]string, error) {
	if checkComponent(name) != "" {
		return nil, nil
	}
	fi, err := l.d.root.Lstat(folder + name)
	if gone(err) || errors.Is(err, syscall.ENAMETOOLONG) || err == nil && !fi.IsDir() {
		return nil, nil
	}
	if err != nil || !l.selects(folder+name+"/") {
		return nil, err
	}
	return []string{name + "/"}, nil
}

// gone reports whether err is that of a folder that is none any more.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// selects reports whether a key is selected, or may be in a folder.
func (l *listing) selects(name string) bool {
	p, after := l.opts.Prefix, l.opts.After
	if strings.HasSuffix(name, "/") {
		return (strings.HasPrefix(name, p) || strings.HasPrefix(p, name)) && (name > after || strings.HasPrefix(after, name))
	}
	return strings.HasPrefix(name, p) && name > after
}

// object yields the object under key. What is none, or none any more, is not
// there.
func (l *listing) object(key string) bool {
	info, err := l.d.listed(l.ctx, key)
	switch {
	case errors.Is(err, backend.ErrNotExist), errors.Is(err, backend.ErrKey):
		return true
	case err != nil:
		return l.fail(err)
	}
	return l.yield(info, nil)
}

// listed returns what a listing says of an object.
func (d *Driver) listed(ctx context.Context, key string) (*backend.Info, error) {
	var info *backend.Info
	err := d.look(ctx, key, func(o object, f *os.File, id identity) error {
		rec, err := d.find(ctx, o, f, id)
		if err != nil {
			return err
		}
		nonce := ""
		if rec != nil {
			nonce = rec.nonce
		}
		info = describe(o, id, nonce, contents{})
		return f.Close()
	})
	return info, err
}
