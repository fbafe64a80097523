"""Blobs in a bucket of S3, which several servers may share.

`blobs/sha256/ab/abcd…` are blobs. The bytes of an upload are objects, too, called segments: `uploads/<upload
id>/<position>-<turn>-<token>-<md5>`. S3's own multipart uploads cannot replace them: their parts cannot be read or cut,
all parts except the last have at least 5 MiB, and an upload that continues at another server, or after a crash, has to
be hashed there.

A segment is created in one step and never changed, under a unique key with the MD5 of its bytes. If two servers append
to one upload at once, each leaves the other's segments alone, and a digest that was computed while bytes arrived
belongs to the segments that it is remembered with. The first of the two to acknowledge its bytes may continue.

An upload becomes a blob through a multipart upload into which S3 copies the segments. `prepare_commit` does all that
takes time; `commit` completes the multipart upload, which is one step. `uploads/<upload id>/multipart` names it, so
that it can be aborted when the upload is resumed or removed after a crash. `owner` names the database.
"""
