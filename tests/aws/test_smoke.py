from moto_ecr_ext import testing

def test_push_pull(aws, ecr):
    ecr.create_repository(repositoryName="team/app")
    image = testing.build_image(seed=1, layers=3, layer_size=100_000)
    digest = testing.push(ecr, "team/app", image, tag="v1")
    assert testing.pull(ecr, "team/app", "v1").digest == digest
    r = aws.registry().get("/v2/team/app/manifests/v1")
    assert r.content == image.manifest
    r = aws.registry().post("/v2/team/app/blobs/uploads/")
    assert r.status_code == 202, r.text
    u = r.headers["Location"]
    r = aws.registry().patch(u, data=b"x"*100000)
    assert r.status_code == 202, r.text
    import hashlib
    r = aws.registry().put(u+"?digest=sha256:"+hashlib.sha256(b"x"*100000).hexdigest())
    assert r.status_code == 201, r.text
