// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

// A manyMutant is a driver that lists and replaces metadata, with one fault: a
// field that is set replaces the method of the sound driver.
type manyMutant struct {
	*mem.Driver
	list    func(d *mem.Driver, ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error]
	replace func(c replaceCall) (*backend.Info, error)
}

func (m *manyMutant) List(ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	if m.list == nil {
		return m.Driver.List(ctx, opts)
	}
	return m.list(m.Driver, ctx, opts)
}

func (m *manyMutant) ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error) {
	c := replaceCall{m.Driver, ctx, key, metadata, ifMatch}
	if m.replace == nil {
		return c.do()
	}
	return m.replace(c)
}

// A replaceCall is a call of ReplaceMetadata on the sound driver d.
type replaceCall struct {
	d    *mem.Driver
	ctx  context.Context
	key  string
	meta map[string]string
	etag string
}

func (c replaceCall) do() (*backend.Info, error) {
	return c.d.ReplaceMetadata(c.ctx, c.key, c.meta, c.etag)
}

// put does it by a get and a put with these options.
func (c replaceCall) put(opts backend.PutOptions) (*backend.Info, error) {
	rc, info, err := c.d.Get(c.ctx, c.key, &backend.GetOptions{})
	if err != nil || info.ETag != c.etag {
		return nil, errors.Join(backend.ErrChanged, c.ctx.Err())
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Millisecond)
	opts.Metadata = c.meta
	return c.d.Put(c.ctx, c.key, bytes.NewReader(data), -1, &opts)
}

// all returns what a listing of the sound driver yields.
func all(d *mem.Driver, ctx context.Context, opts backend.ListOptions) (list []*backend.Info, err error) {
	for info, err := range d.List(ctx, &opts) {
		if err != nil {
			return list, err
		}
		list = append(list, info)
	}
	return list, nil
}

// listMutant returns a mutant that yields a changed list.
func listMutant(change func(list []*backend.Info, opts *backend.ListOptions) []*backend.Info) manyMutant {
	return selectMutant(func(*backend.ListOptions) {}, change)
}

// selectMutant also lists with other options than it was given.
func selectMutant(other func(*backend.ListOptions), change func(list []*backend.Info, opts *backend.ListOptions) []*backend.Info) manyMutant {
	return manyMutant{list: func(d *mem.Driver, ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
		return func(yield func(*backend.Info, error) bool) {
			given := *opts
			other(&given)
			list, err := all(d, ctx, given)
			for _, info := range change(list, opts) {
				if ctx.Err() != nil {
					err = ctx.Err()
					break
				}
				if !yield(info, nil) {
					return
				}
			}
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(nil, err)
			}
		}
	}}
}

// sorted returns a mutant that yields in another order.
func sorted(by func(key string) string) manyMutant {
	return listMutant(func(list []*backend.Info, _ *backend.ListOptions) []*backend.Info {
		slices.SortStableFunc(list, func(a, b *backend.Info) int { return strings.Compare(by(a.Key), by(b.Key)) })
		return list
	})
}

// each returns a mutant that says something else of each object.
func each(change func(*backend.Info)) manyMutant {
	return listMutant(func(list []*backend.Info, _ *backend.ListOptions) []*backend.Info {
		for _, info := range list {
			change(info)
		}
		return list
	})
}

// kept returns a mutant that yields only some.
func kept(keep func(i int, info *backend.Info, opts *backend.ListOptions) bool) manyMutant {
	return listMutant(func(list []*backend.Info, opts *backend.ListOptions) []*backend.Info {
		var some []*backend.Info
		for i, info := range list {
			if keep(i, info, opts) {
				some = append(some, info)
			}
		}
		return some
	})
}

func same(list []*backend.Info, _ *backend.ListOptions) []*backend.Info { return list }

// uncancelled lists as if ctx were never done, and may yield something else in
// the end.
func uncancelled(end func(yield func(*backend.Info, error) bool, err error)) manyMutant {
	return manyMutant{list: func(d *mem.Driver, ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
		return func(yield func(*backend.Info, error) bool) {
			for info, err := range d.List(ctx, opts) {
				if err != nil {
					end(yield, err)
					return
				}
				if !yield(info, nil) {
					return
				}
			}
		}
	}}
}

// manyMutants are drivers that are wrong about many objects.
var manyMutants = map[string]struct {
	caught string
	manyMutant
}{
	"order of folders": {"ListOrder", sorted(func(key string) string { return strings.ReplaceAll(key, "/", "\x00") })},
	"order of letters": {"ListOrder", sorted(strings.ToLower)},
	"order of UTF-16":  {"ListOrder", sorted(func(key string) string { return strings.ReplaceAll(key, "\U0001f511", "\ud7ff") })},
	"keys are escaped": {"ListOrder", each(func(info *backend.Info) { info.Key = strings.ReplaceAll(info.Key, " ", "+") })},
	"size is missing":  {"ListInfo", each(func(info *backend.Info) { info.Size = 0 })},
	"ETag in quotes":   {"ListInfo", each(func(info *backend.Info) { info.ETag = `"` + info.ETag + `"` })},
	"empty metadata":   {"ListInfo", each(func(info *backend.Info) { info.Metadata = map[string]string{} })},
	"prefix is a folder": {"ListPrefix", kept(func(_ int, info *backend.Info, opts *backend.ListOptions) bool {
		return opts.Prefix == "" || strings.HasPrefix(info.Key, strings.TrimSuffix(opts.Prefix, "/")+"/")
	})},
	"not what is the prefix": {"ListPrefix", kept(func(_ int, info *backend.Info, opts *backend.ListOptions) bool {
		return info.Key != opts.Prefix
	})},
	"any prefix":        {"ListPrefix", selectMutant(func(o *backend.ListOptions) { o.Prefix = "" }, same)},
	"prefix is cleaned": {"ListPrefix", selectMutant(func(o *backend.ListOptions) { o.Prefix = strings.TrimPrefix(o.Prefix, "/") }, same)},
	"after is ignored":  {"ListAfter", selectMutant(func(o *backend.ListOptions) { o.After = "" }, same)},
	"after is from":     {"ListAfter", selectMutant(func(o *backend.ListOptions) { o.After = strings.TrimSuffix(o.After, "k") }, same)},
	"after skips the folder": {"ListAfter", kept(func(_ int, info *backend.Info, opts *backend.ListOptions) bool {
		return opts.After == "" || !strings.HasPrefix(info.Key, opts.After+"/")
	})},
	"one page only": {"ListPages", kept(func(i int, _ *backend.Info, _ *backend.ListOptions) bool { return i < 1000 })},
	"first of the second page is lost": {"ListPages", kept(func(i int, _ *backend.Info, _ *backend.ListOptions) bool {
		return i != 1000
	})},
	"last of a page comes twice": {"ListPages", listMutant(func(list []*backend.Info, _ *backend.ListOptions) []*backend.Info {
		if len(list) > 1000 {
			list = slices.Insert(list, 1000, list[999])
		}
		return list
	})},
	"a folder that changes is skipped": {"ListMeetsPuts", listMutant(func(list []*backend.Info, _ *backend.ListOptions) []*backend.Info {
		for _, info := range list {
			if folder, ok := strings.CutSuffix(info.Key, "/a/passing"); ok {
				return slices.DeleteFunc(list, func(i *backend.Info) bool { return strings.HasPrefix(i.Key, folder+"/") })
			}
		}
		return list
	})},
	"all are versions": {"ListVersions", listMutant(func(list []*backend.Info, opts *backend.ListOptions) []*backend.Info {
		for _, info := range list {
			info.Noncurrent = opts.Versions
		}
		return list
	})},
	"goes on after break": {"ListBreak", manyMutant{list: func(d *mem.Driver, ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
		return func(yield func(*backend.Info, error) bool) {
			for info, err := range d.List(ctx, opts) {
				yield(info, err)
			}
		}
	}}},
	"begins where it was left": {"ListBreak", manyMutant{list: func(d *mem.Driver, ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
		given := *opts
		return func(yield func(*backend.Info, error) bool) {
			for info, err := range d.List(ctx, &given) {
				if info != nil {
					given.After = info.Key
				}
				if !yield(info, err) {
					return
				}
			}
		}
	}}},
	"context is never done": {"ListCancelled", uncancelled(func(func(*backend.Info, error) bool, error) {})},
	"goes on after an error": {"ListCancelled", uncancelled(func(yield func(*backend.Info, error) bool, err error) {
		_ = yield(nil, err) && yield(nil, errors.Join(err))
	})},
	"another error":            {"ListCancelled", uncancelled(func(yield func(*backend.Info, error) bool, _ error) { yield(nil, errors.New("failed")) })},
	"versions are after a key": {"ListUnsupported", selectMutant(func(o *backend.ListOptions) { o.Versions = false }, same)},

	"any ETag": {"ReplaceMetadataChanged", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		if info, err := c.d.Stat(c.ctx, c.key); err == nil {
			c.etag = info.ETag
		}
		return c.do()
	}}},
	"none is ErrNotExist": {"ReplaceMetadataChanged", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		if _, err := c.d.Stat(c.ctx, c.key); errors.Is(err, backend.ErrNotExist) {
			return nil, err
		}
		return c.do()
	}}},
	"metadata is added": {"ReplaceMetadata", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		if info, err := c.d.Stat(c.ctx, c.key); err == nil {
			maps.Copy(info.Metadata, c.meta)
			c.meta = info.Metadata
		}
		return c.do()
	}}},
	"type is lost": {"ReplaceMetadata", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		return c.put(backend.PutOptions{IfMatch: c.etag})
	}}},
	"old metadata is returned": {"ReplaceMetadata", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		old, _ := c.d.Stat(c.ctx, c.key)
		info, err := c.do()
		if err == nil {
			info.Metadata = old.Metadata
		}
		return info, err
	}}},
	"no metadata keeps the old": {"ReplaceMetadata", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		if len(c.meta) == 0 {
			return c.d.Stat(c.ctx, c.key)
		}
		return c.do()
	}}},
	"metadata is modified": {"ReplaceMetadata", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		info, err := c.do()
		if c.meta != nil {
			c.meta["x-amz-metadata-directive"] = "REPLACE"
		}
		return info, err
	}}},
	"key is escaped": {"ReplaceMetadataKeys", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		c.key = strings.ReplaceAll(c.key, "+", " ")
		return c.do()
	}}},
	"empty objects have none": {"ReplaceMetadataSizes", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		if info, err := c.d.Stat(c.ctx, c.key); err == nil && info.Size == 0 {
			return info, nil
		}
		return c.do()
	}}},
	"context is ignored by replace": {"ReplaceMetadataRefused", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		c.ctx = context.WithoutCancel(c.ctx)
		return c.do()
	}}},
	"lost replacement is reported as done": {"ReplaceMetadataMeet", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		info, err := c.do()
		if errors.Is(err, backend.ErrChanged) {
			info, err = c.d.ReplaceMetadata(c.ctx, c.key, map[string]string{"number": "5"}, "none")
			if now, serr := c.d.Stat(c.ctx, c.key); serr == nil {
				info, err = c.d.ReplaceMetadata(c.ctx, c.key, map[string]string{"number": "5", "replaced": "-1"}, now.ETag)
			}
		}
		return info, err
	}}},
	"a put in between is undone": {"ReplaceMetadataMeetsPuts", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		return c.put(backend.PutOptions{})
	}}},
	"the next body gets the metadata": {"ReplaceMetadataMeetsPuts", manyMutant{replace: func(c replaceCall) (*backend.Info, error) {
		old, err := c.d.Stat(c.ctx, c.key)
		if err != nil || old.ETag != c.etag {
			return nil, backend.ErrChanged
		}
		time.Sleep(time.Millisecond)
		if now, err := c.d.Stat(c.ctx, c.key); err == nil {
			c.etag = now.ETag
		}
		return c.do()
	}}},
}
