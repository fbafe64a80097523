"""Blobs in a bucket of S3, which several servers may share.

`blobs/sha256/ab/abcd…` are blobs. The bytes of an upload are objects too, segments:
`uploads/<upload id>/<position>-<turn>-<token>`. S3's own multipart uploads would not do: their parts
can neither be read nor cut, all but the last have at least 5 MiB, and those of an upload that goes on
at another server, or after a crash, have to be hashed there.

A segment is made in one step and never changed; each has a key of its own. Where two servers append to
one upload at once, neither touches what the other has written, and a digest that was computed while
bytes arrived is that of the segments that it is remembered with. Which of the two goes on is decided by
who acknowledges first.

An upload becomes a blob by a multipart upload into which S3 copies the segments. All that takes time is
done by `prepare_commit`; `commit` completes it, which is one step. `uploads/<upload id>/multipart` names
it, so that whoever resumes or removes the upload after a crash can abort it. `owner` names the database.
"""
