// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"sync"

	"github.com/s3seal/s3seal/backend"
)

// putWith puts a numbered version with options.
func (e *env) putWith(key string, i int, opts backend.PutOptions) (*backend.Info, error) {
	v := numbered(i)
	opts.Metadata = v.meta
	return e.d.Put(e.ctx, key, bytes.NewReader(v.data), int64(len(v.data)), &opts)
}

// refuses reports whether err says that the driver has no conditions, which ends
// the test.
func (e *env) refuses(err error) bool {
	e.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		e.Skipf("the driver has no conditions: %v", err)
	}
	return err != nil
}

// ifNoneMatch puts where there is nothing, and then something.
func ifNoneMatch(e *env) {
	opts := backend.PutOptions{IfNoneMatch: true}
	if _, err := e.putWith("new", 0, opts); e.refuses(err) {
		e.Fatalf("Put with IfNoneMatch of a free key = %v", err)
	}
	info, err := e.putWith("new", 1, opts)
	if info != nil {
		e.Error("Put over an object with IfNoneMatch returned an Info")
	}
	e.wantErr("Put over an object with IfNoneMatch", err, backend.ErrExist)
	if errors.Is(err, backend.ErrChanged) || errors.Is(err, backend.ErrNotExist) {
		e.Errorf("Put over an object with IfNoneMatch = %v, want nothing but ErrExist", err)
	}
	e.want("new", numbered(0))
	e.wantClean()
	if err := e.d.Delete(e.ctx, "new"); err != nil {
		e.Fatalf("Delete = %v", err)
	}
	if _, err := e.putWith("new", 2, opts); err != nil {
		e.Errorf("Put with IfNoneMatch after Delete = %v", err)
	}
}

// putIfMatch replaces an object that is the right one, another one, and none.
func putIfMatch(e *env) {
	first := e.put("old", numbered(0))
	second, err := e.putWith("old", 1, backend.PutOptions{IfMatch: first.ETag})
	if e.refuses(err) {
		e.Fatalf("Put with the ETag of the object = %v", err)
	}
	if second.ETag == first.ETag {
		e.Fatalf("ETag %q of another object", second.ETag)
	}
	_, err = e.putWith("old", 2, backend.PutOptions{IfMatch: first.ETag})
	e.wantErr("Put with an old ETag", err, backend.ErrChanged)
	if errors.Is(err, backend.ErrExist) {
		e.Errorf("Put with an old ETag = %v, want no ErrExist", err)
	}
	e.want("old", numbered(1))
	_, err = e.putWith("none", 2, backend.PutOptions{IfMatch: first.ETag})
	e.wantErr("Put with the ETag of no object", err, backend.ErrChanged)
	e.wantNone("none")
	e.wantClean()
}

// meet lets puts under one key meet, and returns which have succeeded.
func (e *env) meet(want error, put func(i int) error) (won []int) {
	e.Helper()
	errs := make([]error, meeting)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range meeting {
		wg.Go(func() {
			<-start
			errs[i] = put(i)
		})
	}
	close(start)
	wg.Wait()
	for i, err := range errs {
		e.refuses(err)
		if err == nil {
			won = append(won, i)
		} else if !errors.Is(err, want) && !errors.Is(err, backend.ErrChanged) { // a storage may see no more than a conflict
			e.Errorf("put %d that met others = %v, want %v", i, err, want)
		}
	}
	return won
}

const (
	meetings = 10
	meeting  = 4 // puts
)

// conditionsMeet: of several puts that are to create an object one does.
func conditionsMeet(e *env) {
	for range meetings {
		won := e.meet(backend.ErrExist, func(i int) error {
			_, err := e.putWith("meet", i, backend.PutOptions{IfNoneMatch: true})
			return err
		})
		if len(won) != 1 {
			e.Fatalf("puts %v with IfNoneMatch have succeeded, want exactly one", won)
		}
		e.want("meet", numbered(won[0]))
		if err := e.d.Delete(e.ctx, "meet"); err != nil {
			e.Fatalf("Delete = %v", err)
		}
	}
	e.wantClean()
}

// ifMatchMeet: of several puts that are to replace one object one does.
func ifMatchMeet(e *env) {
	old := e.put("meet", numbered(100))
	for round := range meetings {
		won := e.meet(backend.ErrChanged, func(i int) error {
			_, err := e.putWith("meet", meeting*round+i, backend.PutOptions{IfMatch: old.ETag})
			return err
		})
		if len(won) != 1 {
			e.Fatalf("puts %v with the same IfMatch have succeeded, want exactly one", won)
		}
		old = e.want("meet", numbered(meeting*round+won[0]))
	}
	e.wantClean()
}

// unsupported asks for more than every storage has: it is kept or refused, and
// refused before the body is read.
func unsupported(e *env) {
	for name, opts := range map[string]backend.PutOptions{
		"contradiction": {IfNoneMatch: true, IfMatch: "etag"},
		"tags":          {Tags: map[string]string{"tag": "value"}},
		"storage class": {StorageClass: "STANDARD"},
		"KMS key alone": {SSE: &backend.SSE{KMSKeyID: "key"}},
	} {
		b := newBody([]byte("body"))
		_, err := e.d.Put(e.ctx, "more", b, 4, &opts)
		if err == nil && (name == "contradiction" || name == "KMS key alone") {
			e.Errorf("%s: Put = nil, want an error", name)
		}
		if err == nil {
			continue
		}
		e.wantErr(name, err, errors.ErrUnsupported)
		if n := b.reads.Load(); n != 0 {
			e.Errorf("%s: body was read %d times before it was refused", name, n)
		}
	}
}
