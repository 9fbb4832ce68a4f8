// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/s3seal/s3seal/backend"
)

// A multi is an upload under test.
type multi struct {
	*env
	m    backend.Multiparter
	key  string
	id   string
	opts *backend.PutOptions
}

// multiparter returns the driver as one that stores parts. Without one the test
// is skipped.
func (e *env) multiparter() backend.Multiparter {
	e.Helper()
	m, ok := e.d.(backend.Multiparter)
	if ok {
		id, err := m.StartUpload(e.ctx, "probe", &backend.PutOptions{})
		if err == nil {
			if err := m.AbortUpload(e.ctx, "probe", id); err != nil {
				e.Errorf("AbortUpload = %v", err)
			}
			return m
		}
		if ok = !errors.Is(err, errors.ErrUnsupported); ok {
			e.Fatalf("StartUpload = %v", err)
		}
	}
	if e.h.Multipart {
		e.Fatal("the driver stores no parts")
	}
	e.Skip("the driver stores no parts")
	return nil
}

// start begins an upload.
func (e *env) start(key string, opts backend.PutOptions) *multi {
	e.Helper()
	u := &multi{env: e, m: e.multiparter(), key: key, opts: &opts}
	opts.ContentType = "text/x-test"
	var err error
	if u.id, err = u.m.StartUpload(e.ctx, key, &opts); err != nil || u.id == "" {
		e.Fatalf("StartUpload(%q) = %q, %v", key, u.id, err)
	}
	return u
}

// send stores a part of the least size that may have others behind it, or of n
// bytes.
func (u *multi) send(number, n int) (backend.Part, []byte) {
	u.Helper()
	if n == 0 {
		n = max(int(u.m.UploadLimits().MinPartSize), 1000)
	}
	u.large(int64(n))
	data := pattern(uint64(5000+number), n)
	return u.sendData(number, data), data
}

func (u *multi) sendData(number int, data []byte) backend.Part {
	u.Helper()
	sent := bytes.Clone(data)
	p, err := u.m.PutPart(u.ctx, u.key, u.id, number, sent)
	if err != nil {
		u.Fatalf("PutPart(%d, %d bytes) = %v", number, len(data), err)
	}
	if p.Number != number || p.Size != int64(len(data)) || p.ETag == "" {
		u.Errorf("PutPart(%d, %d bytes) = %+v", number, len(data), p)
	}
	if !bytes.Equal(sent, data) {
		u.Errorf("PutPart(%d) has changed its body", number)
	}
	clear(sent) // must not be in use any more
	return p
}

func (u *multi) complete(parts ...backend.Part) (*backend.Info, error) {
	u.Helper()
	info, err := u.m.CompleteUpload(u.ctx, u.key, u.id, parts, u.opts)
	if err != nil && info != nil {
		u.Errorf("CompleteUpload returned an Info with the error %v", err)
	}
	return info, err
}

// whole completes the upload and fails the test unless that makes data.
func (u *multi) whole(data []byte, parts ...backend.Part) {
	u.Helper()
	info, err := u.complete(parts...)
	if err != nil {
		u.Fatalf("CompleteUpload = %v", err)
	}
	stat := u.want(u.key, version{data, u.opts.Metadata})
	if info.ETag != stat.ETag || info.Size != stat.Size || info.Key != u.key || info.ContentType != stat.ContentType || stat.ContentType != "text/x-test" {
		u.Errorf("CompleteUpload: %+v\nGet: %+v", info, stat)
	}
	u.wantClean()
}

func (u *multi) abort() {
	u.Helper()
	if err := u.m.AbortUpload(u.ctx, u.key, u.id); err != nil {
		u.Errorf("AbortUpload = %v", err)
	}
}

// partsRoundTrip stores parts of two sizes, in the wrong order and with gaps
// between their numbers.
func partsRoundTrip(e *env) {
	u := e.start("parts", backend.PutOptions{Metadata: numbered(1).meta})
	last, b := u.send(7, 10)
	first, a := u.send(2, 0)
	u.whole(slices.Concat(a, b), first, last)
}

// partsReplaced stores a part again.
func partsReplaced(e *env) {
	u := e.start("parts", backend.PutOptions{})
	old := u.sendData(1, []byte("before"))
	now := u.sendData(1, []byte("after, and longer"))
	same := u.sendData(1, []byte("after, and longer"))
	if list := u.list(); len(list) != 1 || list[0].ETag != same.ETag || list[0].Size != same.Size {
		u.Errorf("ListParts = %+v, want %+v", list, same)
	}
	if now.ETag == old.ETag {
		u.Errorf("ETag %q of another part", now.ETag)
	}
	if _, err := u.complete(old); !errors.Is(err, backend.ErrPart) {
		u.Errorf("CompleteUpload with a part that was replaced = %v, want ErrPart", err)
	}
	u.wantNone("parts")
	u.whole([]byte("after, and longer"), same)
}

func (u *multi) list() []backend.Part {
	u.Helper()
	list, err := u.m.ListParts(u.ctx, u.key, u.id)
	if err != nil {
		u.Fatalf("ListParts = %v", err)
	}
	return list
}

// partsListed completes an upload by what the storage lists, as who resumes one
// does, and leaves a part out.
func partsListed(e *env) {
	u := e.start("parts", backend.PutOptions{Metadata: numbered(2).meta})
	if list := u.list(); len(list) != 0 {
		u.Errorf("ListParts of a new upload = %+v", list)
	}
	second, b := u.send(2, 0)
	third, _ := u.send(3, 10)
	first, a := u.send(1, 0)
	list := u.list()
	if !slices.EqualFunc(list, []backend.Part{first, second, third}, samePart) {
		u.Fatalf("ListParts = %+v, want %+v", list, []backend.Part{first, second, third})
	}
	u.whole(slices.Concat(a, b), list[:2]...)
}

func samePart(a, b backend.Part) bool {
	return a.Number == b.Number && a.Size == b.Size && a.ETag == b.ETag
}

// partsWrong completes uploads by parts that are not theirs.
func partsWrong(e *env) {
	old := e.put("parts", numbered(0))
	u := e.start("parts", backend.PutOptions{Metadata: numbered(3).meta})
	a := u.sendData(1, []byte("a"))
	other := e.start("other", backend.PutOptions{})
	b := other.sendData(1, []byte("b"))
	missing := a
	missing.Number = 2
	for name, parts := range map[string][]backend.Part{
		"none": nil, "missing": {missing}, "one is missing": {a, missing}, "wrong ETag": {b},
	} {
		if _, err := u.complete(parts...); !errors.Is(err, backend.ErrPart) {
			u.Errorf("%s: CompleteUpload = %v, want ErrPart", name, err)
		}
	}
	if info := e.want("parts", numbered(0)); info.ETag != old.ETag {
		e.Errorf("ETag %q after uploads that failed, want %q", info.ETag, old.ETag)
	}
	if _, err := u.m.PutPart(e.ctx, u.key, u.id, 0, []byte("x")); !errors.Is(err, backend.ErrPart) {
		e.Errorf("PutPart(0) = %v, want ErrPart", err)
	}
	u.abort()
	other.abort()
	e.wantClean()
}

// partsOutOfOrder completes by parts that do not ascend.
func partsOutOfOrder(e *env) {
	u := e.start("parts", backend.PutOptions{})
	a, _ := u.send(1, 0)
	b, _ := u.send(2, 0)
	for name, parts := range map[string][]backend.Part{"descending": {b, a}, "twice": {a, a}} {
		if _, err := u.complete(parts...); !errors.Is(err, backend.ErrPart) {
			u.Errorf("%s: CompleteUpload = %v, want ErrPart", name, err)
		}
	}
	u.wantNone("parts")
	u.abort()
}

// partsAborted looks for what an abort leaves.
func partsAborted(e *env) {
	e.put("parts", numbered(0))
	u := e.start("parts", backend.PutOptions{})
	a := u.sendData(1, []byte("part"))
	u.abort()
	e.wantClean()
	if _, err := u.complete(a); !errors.Is(err, backend.ErrNoUpload) {
		e.Errorf("CompleteUpload after AbortUpload = %v, want ErrNoUpload", err)
	}
	if _, err := u.m.PutPart(e.ctx, u.key, u.id, 2, []byte("x")); !errors.Is(err, backend.ErrNoUpload) {
		e.Errorf("PutPart after AbortUpload = %v, want ErrNoUpload", err)
	}
	if _, err := u.m.ListParts(e.ctx, u.key, u.id); !errors.Is(err, backend.ErrNoUpload) {
		e.Errorf("ListParts after AbortUpload = %v, want ErrNoUpload", err)
	}
	if err := u.m.AbortUpload(e.ctx, u.key, u.id); err != nil && !errors.Is(err, backend.ErrNoUpload) {
		e.Errorf("AbortUpload twice = %v, want nil or ErrNoUpload", err)
	}
	e.want("parts", numbered(0))
	e.wantClean()
}

// partsInvisible: until it is completed an upload changes nothing.
func partsInvisible(e *env) {
	u := e.start("parts", backend.PutOptions{})
	u.sendData(1, []byte("part"))
	e.wantNone("parts")
	e.put("parts", numbered(0))
	e.want("parts", numbered(0))
	u.abort()
}

// partsConditions completes uploads whose condition does not hold any more.
func partsConditions(e *env) {
	old := e.put("match", numbered(0))
	for key, opts := range map[string]backend.PutOptions{"none": {IfNoneMatch: true}, "match": {IfMatch: old.ETag}} {
		u := &multi{env: e, m: e.multiparter(), key: key, opts: &opts}
		opts.ContentType = "text/x-test"
		var err error
		if u.id, err = u.m.StartUpload(e.ctx, key, &opts); e.refuses(err) {
			e.Fatalf("StartUpload(%q) with a condition = %v", key, err)
		}
		part := u.sendData(1, []byte("part"))
		now := e.put(key, numbered(1))
		want := backend.ErrExist
		if opts.IfMatch != "" {
			want = backend.ErrChanged
		}
		_, err = u.complete(part)
		e.wantErr("CompleteUpload of "+key, err, want)
		e.want(key, numbered(1))
		if _, err := u.m.StartUpload(e.ctx, key, &opts); err != nil { // else at completion
			e.wantErr("StartUpload of "+key, err, want)
		}
		u.m.AbortUpload(e.ctx, key, u.id) // it may be over
		e.abortAll(u.m)
		fresh := e.start(key, backend.PutOptions{IfMatch: now.ETag})
		fresh.whole([]byte("part"), fresh.sendData(1, []byte("part")))
	}
}

func (e *env) abortAll(m backend.Multiparter) {
	e.Helper()
	for _, u := range e.uploads(m, "") {
		if err := m.AbortUpload(e.ctx, u.Key, u.ID); err != nil {
			e.Errorf("AbortUpload = %v", err)
		}
	}
}

// partsConditionsMeet: of several uploads that are to create an object one does.
// They have the same contents, so that the winner cannot be told by them.
func partsConditionsMeet(e *env) {
	m := e.multiparter()
	opts := &backend.PutOptions{IfNoneMatch: true}
	for range meetings / 2 {
		var ids [meeting]string
		var parts [meeting]backend.Part
		for i := range ids {
			var err error
			if ids[i], err = m.StartUpload(e.ctx, "meet", opts); e.refuses(err) {
				e.Fatalf("StartUpload = %v", err)
			}
			if parts[i], err = m.PutPart(e.ctx, "meet", ids[i], 1, []byte("same")); err != nil {
				e.Fatalf("PutPart = %v", err)
			}
		}
		won := e.meet(backend.ErrExist, func(i int) error {
			_, err := m.CompleteUpload(e.ctx, "meet", ids[i], parts[i:i+1], opts)
			return err
		})
		if len(won) != 1 {
			e.Fatalf("uploads %v with IfNoneMatch have succeeded, want exactly one", won)
		}
		e.abortAll(m)
		if err := e.d.Delete(e.ctx, "meet"); err != nil {
			e.Fatalf("Delete = %v", err)
		}
	}
	e.wantClean()
}

// partsConcurrent sends parts from many goroutines, each one twice at a time.
func partsConcurrent(e *env) {
	u := e.start("parts", backend.PutOptions{})
	const count = 8
	var wg sync.WaitGroup
	for i := range count * 2 {
		wg.Go(func() {
			data := pattern(uint64(i%count), 100)
			if _, err := u.m.PutPart(u.ctx, u.key, u.id, i%count+1, data); err != nil {
				u.Errorf("PutPart = %v", err)
			}
		})
	}
	wg.Wait()
	list := u.list()
	if len(list) != count {
		u.Fatalf("ListParts = %d parts, want %d", len(list), count)
	}
	if u.m.UploadLimits().MinPartSize > 100 { // too large to send so many
		u.abort()
		return
	}
	var want []byte
	for i := range count {
		want = append(want, pattern(uint64(i), 100)...)
	}
	u.whole(want, list...)
}

// uploads lists uploads in the order of their keys.
func (e *env) uploads(m backend.Multiparter, prefix string) []backend.Upload {
	e.Helper()
	list, err := m.ListUploads(e.ctx, prefix)
	if err != nil {
		e.Fatalf("ListUploads(%q) = %v", prefix, err)
	}
	slices.SortFunc(list, func(a, b backend.Upload) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	return list
}

// uploadsListed lists by prefix.
func uploadsListed(e *env) {
	m := e.multiparter()
	keys := []string{"a/x y", "a/x+%20", "ab", "b"}
	ids := make(map[string]string)
	for _, key := range keys {
		u := e.start(key, backend.PutOptions{})
		u.sendData(1, []byte(key))
		ids[key] = u.id
	}
	slices.Sort(keys)
	for prefix, want := range map[string][]string{
		"": keys, "a": keys[:3], "a/": keys[:2], "a/x y": {"a/x y"}, "c": nil,
	} {
		var got []string
		for _, u := range e.uploads(m, prefix) {
			got = append(got, u.Key)
			if ids[u.Key] != u.ID {
				e.Errorf("ListUploads(%q): upload %q of %q, want %q", prefix, u.ID, u.Key, ids[u.Key])
			}
		}
		if !slices.Equal(got, want) {
			e.Errorf("ListUploads(%q) = %q, want %q", prefix, got, want)
		}
	}
	e.abortAll(m)
	if list := e.uploads(m, ""); len(list) != 0 {
		e.Errorf("ListUploads after all were aborted = %+v", list)
	}
	e.wantClean()
}

// uploadUnknown asks for uploads that never were, or are of another key.
func uploadUnknown(e *env) {
	u := e.start("parts", backend.PutOptions{})
	part := u.sendData(1, []byte("part"))
	for i, id := range []string{"no-such-upload", "../../escape", u.id + "0"} {
		lost := &multi{env: e, m: u.m, key: "parts", id: id, opts: u.opts}
		lost.wantLost(strconv.Itoa(i))
		lost.wantUnfinished(part)
	}
	other := &multi{env: e, m: u.m, key: "other", id: u.id, opts: u.opts}
	other.wantLost("of another key")
	other.wantUnfinished(part)
	u.whole([]byte("part"), part)
	u.wantLost("completed")
	e.want("parts", version{[]byte("part"), nil})
}

// wantLost fails the test unless there is no such upload.
func (u *multi) wantLost(name string) {
	u.Helper()
	if _, err := u.m.ListParts(u.ctx, u.key, u.id); !errors.Is(err, backend.ErrNoUpload) {
		u.Errorf("%s: ListParts = %v, want ErrNoUpload", name, err)
	}
	if _, err := u.m.PutPart(u.ctx, u.key, u.id, 1, []byte("x")); !errors.Is(err, backend.ErrNoUpload) {
		u.Errorf("%s: PutPart = %v, want ErrNoUpload", name, err)
	}
	if err := u.m.AbortUpload(u.ctx, u.key, u.id); err != nil && !errors.Is(err, backend.ErrNoUpload) {
		u.Errorf("%s: AbortUpload = %v, want nil or ErrNoUpload", name, err)
	}
}

// wantUnfinished fails the test unless completing the upload, which never was, is an
// error, after which there is no object.
func (u *multi) wantUnfinished(part backend.Part) {
	u.Helper()
	if _, err := u.complete(part); err == nil {
		u.Errorf("CompleteUpload(%q, %q) = nil, want an error", u.key, u.id)
	}
	u.wantNone(u.key)
}
