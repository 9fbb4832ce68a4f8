// SPDX-License-Identifier: Apache-2.0

package main

var (
	inBackend = []string{"backend"}
	inS3      = []string{"backend/s3"}
)

var backendMutants = []mutant{
	{
		name: "body-short-accepted", file: "backend/body.go", packages: inBackend,
		old: `if err == io.EOF && r.size >= 0 && r.n+int64(n) < r.size {`,
		new: `if err == io.EOF && r.size >= 0 && r.n+int64(n) < 0 {`,
	},
	{
		name: "body-long-accepted", file: "backend/body.go", packages: inBackend,
		old: `	if n > 0 {
		return fmt.Errorf("%w: want %d bytes, got more", ErrSize, r.size)
	}
	return err
}`,
		new: `	if n > 0 {
		return io.EOF
	}
	return err
}`,
	},
	{
		name: "body-error-bare", file: "backend/body.go", packages: inBackend,
		old: `return n, fmt.Errorf("backend: %s: %w", r.what, err)`,
		new: `return n, err`,
	},
	{
		name: "put-failure-believed", file: "backend/put.go", packages: inBackend,
		old: `		return fmt.Errorf("storage took a failed body for a whole one: %w", cause)`,
		new: `		return nil`,
	},
	{
		name: "plaintext-passes", file: "backend/get.go", auth: true, packages: inBackend,
		old: `	if !opts.AllowPlaintext {
		return envelope.ErrNotEncrypted
	}`,
		new: ``,
	},
	{
		name: "lost-file-is-plaintext", file: "backend/metadata.go", auth: true, packages: inBackend,
		old: `if strings.HasPrefix(bare, "x-amz-unencrypted-content-") || strings.HasPrefix(bare, "s3seal-") {`,
		new: `if strings.HasPrefix(bare, "s3seal-") {`,
	},
	{
		name: "instruction-of-another-version", file: "backend/get.go", auth: true, packages: inBackend,
		old: `err = b.unchanged(ctx, key, info)
	}
	if err != nil {
		return nil, err
	}
	if oi.Header == nil {`,
		new: `_ = b.unchanged(ctx, key, info)
	}
	if err != nil {
		return nil, err
	}
	if oi.Header == nil {`,
	},
	{
		name: "resume-without-etag", file: "backend/download_resume.go", auth: true, packages: inBackend,
		old: `opts := &GetOptions{IfMatch: r.etag}`,
		new: `opts := &GetOptions{}`,
	},
	{
		name: "resume-other-object", file: "backend/download_resume.go", auth: true, packages: inBackend,
		old: `if info.ETag != r.etag || info.Size != r.size {`,
		new: `if info.Size != r.size {`,
	},
	{
		name: "resume-off-by-one", file: "backend/download_resume.go", packages: inBackend,
		old: `opts.Range = &Range{Offset: r.off, Length: r.end - r.off}`,
		new: `opts.Range = &Range{Offset: r.off - min(1, r.off), Length: r.end - r.off}`,
	},
	{
		name: "file-kept-after-failure", file: "backend/file.go", auth: true, packages: inBackend,
		old: `	if err == nil {
		err = os.Rename(f.Name(), path)
	}`,
		new: `	err = errors.Join(err, os.Rename(f.Name(), path))`,
	},
	{
		name: "temp-file-left", file: "backend/file.go", packages: inBackend,
		old: `return errors.Join(err, os.Remove(f.Name()))`,
		new: `return err`,
	},
	{
		name: "http-range-last-exclusive", file: "backend/handler_range.go", packages: inBackend,
		old: `n = s.last - off + 1`,
		new: `n = s.last - off`,
	},
	{
		name: "http-suffix-zero", file: "backend/handler_range.go", packages: inBackend,
		old: `if off >= size || s.suffix && s.last == 0 {`,
		new: `if off > size || s.suffix && s.last == 0 {`,
	},
	{
		name: "if-none-match-ignored", file: "backend/conditions.go", packages: []string{"backend/mem", "backend"},
		old: `case o.IfNoneMatch && old != nil:`,
		new: `case o.IfNoneMatch && old != nil && old.Size < 0:`,
	},
	{
		name: "if-match-without-object", file: "backend/conditions.go", packages: []string{"backend/mem", "backend"},
		old: `case o.IfMatch != "" && old == nil:`,
		new: `case false:`,
	},
	{
		name: "s3-content-range-unchecked", file: "backend/s3/get.go", auth: true, packages: inS3,
		old: `if first != off || last != off+n-1 || info.Size != n {`,
		new: `if off < 0 || info.Size != n {`,
	},
	{
		name: "s3-full-answer-to-range", file: "backend/s3/get.go", auth: true, packages: inS3,
		old: `if r == nil || len(contentRange) != 1 {`,
		new: `if r != nil && len(contentRange) == 0 {
		return nil
	}
	if r == nil || len(contentRange) != 1 {`,
	},
	{
		name: "s3-etag-unchecked", file: "backend/s3/get.go", packages: inS3,
		old: `if opts.IfMatch != "" && info.ETag != opts.IfMatch {`,
		new: `if false {`,
	},
	{
		name: "s3-short-body-clean", file: "backend/s3/get.go", packages: inS3,
		old: `err = fmt.Errorf("%d bytes are missing: %w", b.left, io.ErrUnexpectedEOF)`,
		new: `_ = fmt.Errorf("%d bytes are missing: %w", b.left, io.ErrUnexpectedEOF)`,
	},
	{
		name: "s3-metadata-first-value", file: "backend/s3/info.go", auth: true, packages: inS3,
		old: `info.Metadata[name] = strings.Join(values, ",")`,
		new: `info.Metadata[name] = values[0]`,
	},
	{
		name: "s3-early-answer-believed", file: "backend/s3/request.go", packages: inS3,
		old: `		return errUnsent
	}
	return nil
}`,
		new: `	}
	return nil
}`,
	},
	{
		name: "s3-abort-forgotten", file: "backend/s3/multipart.go", packages: inS3,
		old: `err := u.d.core.AbortMultipartUpload(ctx, u.d.bucket, u.info.Key, u.id)`,
		new: `_ = ctx
	err := error(nil)`,
	},
	{
		name: "s3-aws-chunked-kept", file: "backend/s3/info.go", packages: inS3,
		old: `		return strings.EqualFold(strings.TrimSpace(token), "aws-chunked")`,
		new: `		return false`,
	},
	{
		name: "s3-list-ends-without-a-word", file: "backend/s3/list.go", packages: inS3,
		old: `	return stopped(ctx, nil) // when it is done the client ends a listing without a word`,
		new: `	return nil`,
	},
	{
		name: "s3-list-order-unchecked", file: "backend/s3/list.go", packages: inS3,
		old: `if c.begun && object.Key < c.key || same &&`,
		new: `if same &&`,
	},
	{
		name: "s3-copy-abort-forgotten", file: "backend/s3/replace_large.go", packages: inS3,
		old: `	defer func() { err = errors.Join(err, u.abort()) }()`,
		new: `	defer func() { err = errors.Join(err) }()`,
	},
	{
		name: "first-part-without-etag", file: "backend/get.go", packages: inBackend,
		old: `case err == nil && info.ETag == "" && info.Size > n:`,
		new: `case err == nil && info.ETag == "" && info.Size < n:`,
	},
	{
		name: "rewrap-journal-older", file: "backend/bulk/rewrap.go", packages: []string{"backend/bulk"},
		old: `fatal = t.begin(old)`,
		new: `fatal = t.begin(oi)`,
	},
	{
		name: "migrate-tags-lost", file: "backend/bulk/migrate_keep.go", packages: []string{"backend/bulk"},
		old: `	if err != nil {
		return nil, unreadTags(err)
	}
	return put, nil`,
		new: `	if err != nil {
		_ = unreadTags(err)
	}
	return put, nil`,
	},
	{
		name: "resume-short-object-believed", file: "backend/resume_send.go", packages: inBackend,
		old: `if info == nil || info.Size != stored {`,
		new: `if info == nil {`,
	},
	{
		name: "body-limit-not-at-its-end", file: "backend/body.go", packages: inBackend,
		old: `&& (err == nil || err == io.EOF) {`,
		new: `&& err == nil {`,
	},
	{
		name: "instruction-of-another-size", file: "backend/instruction.go", packages: inBackend,
		old: `case now.ETag != info.ETag || now.Size != info.Size:`,
		new: `case now.ETag != info.ETag:`,
	},
	{
		name: "file-named-before-synced", file: "backend/file.go", packages: inBackend,
		old: `		err = f.Sync()
	}`,
		new: `		err = nil
	}`,
	},
	{
		name: "s3-abort-before-parts-end", file: "backend/s3/multipart.go", packages: inS3,
		old: `	u.wg.Wait() // a part that arrives after the abort may stay for ever
`,
		new: ``,
	},
	{
		name: "resume-forgets-another", file: "backend/resume.go", packages: inBackend,
		old: `(old.Bucket != r.head.Bucket || old.Key != r.head.Key)`,
		new: `(old.Key != r.head.Key)`,
	},
	{
		name: "s3-page-without-marker-is-last", file: "backend/s3/pages.go", packages: inS3,
		old: `			return fmt.Errorf("%w: after key %q and upload %q", errNoMarker, marker[0], marker[1])`,
		new: `			return nil`,
	},
	{
		name: "s3-upload-that-is-over-is-listed", file: "backend/s3/pages.go", packages: inS3,
		old: `err == nil && !d.over(ctx, u.Key, u.ID)`,
		new: `err == nil`,
	},
	{
		name: "s3-stat-of-two-objects", file: "backend/s3/info.go", packages: inS3,
		old: `if err != nil || stat.ETag == before {`,
		new: `if err != nil || stat.ETag != "" && before != "" {`,
	},
	{
		name: "s3-parts-without-marker-are-all", file: "backend/s3/pages.go", packages: inS3,
		old: `			return nil, fmt.Errorf("%w: after part %d", errNoMarker, next)`,
		new: `			return list, nil`,
	},
	{
		name: "s3-answer-of-any-size", file: "backend/s3/answers.go", packages: inS3,
		old: `	resp.Body = &answerBody{body: resp.Body, left: t.limit}
`,
		new: ``,
	},
	{
		name: "s3-twin-is-taken-for-ours", file: "backend/s3/commit.go", auth: true, packages: inS3,
		old: `if got, ok := stat.Metadata[name]; ok && got != value {`,
		new: `if got, ok := stat.Metadata[name]; ok && got != value && name == "" {`,
	},
	{
		name: "s3-twin-after-replacement", file: "backend/s3/replace.go", auth: true, packages: inS3,
		old: `if has != value && !lost {`,
		new: `if has != value && !lost && name == "" {`,
	},
	{
		name: "resume-state-not-synced", file: "backend/resume_state.go", auth: true, packages: inBackend,
		old: `	if _, err := f.WriteAt(state, stateHead+i*slotSize); err != nil {
		return err
	}
	return f.Sync()`,
		new: `	_, err := f.WriteAt(state, stateHead+i*slotSize)
	return err`,
	},
	{
		name: "resume-trusts-unsynced", file: "backend/resume.go", auth: true, packages: inBackend,
		old: `	if err := r.file.Sync(); err != nil {`,
		new: `	if err := error(nil); err != nil {`,
	},
	{
		name: "s3-settled-at-first-sight", file: "backend/s3/commit.go", packages: inS3,
		old: `		if again && replaced {`,
		new: `		if _ = replaced; again {`,
	},
	{
		name: "s3-body-read-late", file: "backend/s3/request.go", auth: true, packages: inS3,
		old: `	defer body.cut()
`,
		new: ``,
	},
	{
		name: "s3-list-of-nothing-goes-on", file: "backend/s3/list.go", packages: inS3,
		old: `			if asked.Add(1) > int64(d.maxPages) {`,
		new: `			if asked.Add(1) < 0 {`,
	},
}
