"""The requests that huggingface_hub and datasets make, answered."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import yaml

from hub_server.handlers import Handler, Server, Storage
from hub_server.store import LARGE, Repo, git_sha1, item_at, listing

_NAME = "((?:datasets/)?[^/]+/[^/]+)"
_API = f"/api/(?:models/|(?=datasets/)){_NAME}"


class Hub:
    """The hub; `url` is for HF_ENDPOINT.

    Attributes:
        repos: by ``org/name``, and those of datasets by ``datasets/org/name``.
        collections: slug to the models in it.
        renamed: old name to new, answered with a redirect.
        tokens: who each token belongs to; an owner reads and writes what is under its name.
        log: ``(method, path, header of it)`` of every request. cdn_log: the same of the storage.
        spoil: path of a file to what becomes of its bytes on the way.
        cut: path of a file to the bytes after which each next answer breaks off.
        status: path of a file to what each next answer is instead, None for what it would be.
        down: every connection is closed without an answer.
        page: how many files and folders are listed at once.
        after_info: called once a revision has been looked up.
        headers: path of a file to headers that are sent instead of the true ones.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.collections: dict[str, list[str]] = {}
        self.renamed: dict[str, str] = {}
        self.tokens = {"hf_writer": "org", "hf_stranger": "someone"}
        self.large: dict[str, bytes] = {}
        self.log: list[tuple[str, str, Any]] = []
        self.cdn_log: list[tuple[str, str, Any]] = []
        self.spoil: dict[str, Callable[[bytes], bytes]] = {}
        self.cut: dict[str, list[int]] = {}
        self.status: dict[str, list[int | None]] = {}
        self.down = False
        self.page = 1000
        self.after_info: Callable[[], None] | None = None
        self.headers: dict[str, dict[str, str]] = {}
        self._api, self._cdn = Server(_Api, self), Server(Storage, self)
        self.url, self.cdn = self._api.url, self._cdn.url

    def add(self, name: str, files: dict[str, bytes]) -> Repo:
        """A repository whose main branch, and tag v1, is these files."""
        repo = self.repos[name] = Repo()
        repo.tags["v1"] = repo.commit(files)
        return repo

    def requests(self, method: str = "") -> list[str]:
        """The paths that were asked for, without their queries."""
        return [path.partition("?")[0] for verb, path, _ in self.log if verb.startswith(method)]

    def close(self) -> None:
        """Stops answering."""
        for server in (self._api, self._cdn):
            server.shutdown()
            server.server_close()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that runs until the end of the block."""
    hub = Hub()
    try:
        yield hub
    finally:
        hub.close()


class _Api(Handler):
    def do_GET(self) -> None:
        self.route(
            {
                "info": self.info,
                "tree": self.tree,
                "refs": self.refs,
                "resolve": self.resolve,
                "collection": self.collection,
            }
        )

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.route(
            {
                "create": self.create,
                "validate": self.validate,
                "preupload": self.preupload,
                "batch": self.batch,
                "verify": self.verify,
                "commit": self.commit,
                "branch": self.branch,
                "tag": self.tag,
                "paths": self.paths,
                "collect": self.collect,
                "add_item": self.add_item,
            }
        )

    ROUTES = (
        (r"/api/repos/create", "create"),
        (r"/api/validate-yaml", "validate"),
        (r"/api/collections", "collect"),
        (r"/api/collections/([^/]+/[^/]+)", "collection"),
        (r"/api/collections/([^/]+/[^/]+)/items", "add_item"),
        (rf"{_API}(?:/revision/([^/]+))?", "info"),
        (rf"{_API}/tree/([^/]+)(?:/(.+))?", "tree"),
        (rf"{_API}/paths-info/([^/]+)", "paths"),
        (rf"{_API}/refs", "refs"),
        (rf"{_API}/preupload/([^/]+)", "preupload"),
        (rf"{_API}/commit/([^/]+)", "commit"),
        (rf"{_API}/branch/([^/]+)", "branch"),
        (rf"{_API}/tag/([^/]+)", "tag"),
        (rf"/{_NAME}\.git/info/lfs/objects/batch", "batch"),
        (rf"/{_NAME}\.git/info/lfs/verify", "verify"),
        (rf"/{_NAME}/resolve/([^/]+)/(.+)", "resolve"),
    )

    def route(self, actions: dict[str, Callable[..., None]]) -> None:
        hub, path = self.server.hub, urlsplit(self.path).path
        if hub.down:
            return None
        hub.log.append((self.command, self.path, self.headers.get("User-Agent")))
        for old, new in hub.renamed.items():
            if f"/{old}/" in f"{path}/":
                return self.answer(307, Location=self.path.replace(old, new))
        for pattern, name in self.ROUTES:
            if name in actions and (found := re.fullmatch(pattern, path)):
                return actions[name](*[None if part is None else unquote(part) for part in found.groups()])
        return self.answer(404)

    # ------------------------------------------------------------------------------ who may, and what there is

    @property
    def user(self) -> str | None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return self.server.hub.tokens.get(token)

    def writable(self, name: str) -> Repo | None:
        """The repository, for one who may write to it; else the answer has been sent."""
        repo = self.server.hub.repos.get(name)
        if self.user is None:
            self.answer(401, {"error": "Invalid username or password."})
        elif repo is None or (repo.private and self.user != name.split("/")[-2]):
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        elif self.user != name.split("/")[-2]:
            self.answer(403, {"error": "Forbidden"}, X_Error_Message="Forbidden: you may not write to it")
        else:
            return repo
        return None

    def readable(self, name: str, revision: str | None) -> tuple[Repo, str] | None:
        """The repository and the revision's commit; else the answer has been sent."""
        repo = self.server.hub.repos.get(name)
        if repo is None or (repo.private and self.user != name.split("/")[-2]):
            self.answer(404 if self.user else 401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
            return None
        commit = repo.find(revision or "main")
        if commit is None:
            self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
            return None
        return repo, commit

    # ------------------------------------------------------------------------------------------------- reading

    def info(self, name: str, revision: str | None) -> None:
        if found := self.readable(name, revision):
            repo, commit = found
            files = [{"rfilename": path} for path in sorted(repo.commits[commit])]
            answer = {"id": name.removeprefix("datasets/"), "sha": commit, "private": repo.private, "siblings": files}
            self.answer(200, {**answer, "tags": [], "downloads": 0, "likes": 0})
            if self.server.hub.after_info:
                self.server.hub.after_info()

    def tree(self, name: str, revision: str, folder: str | None) -> None:
        """A page of what is there; the next one's address is a header."""
        if not (found := self.readable(name, revision)):
            return
        asked = parse_qs(urlsplit(self.path).query)
        listed = listing(found[0].commits[found[1]], folder or "", asked.get("recursive") == ["true"])
        if folder and not listed:
            return self.answer(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        hub, start = self.server.hub, int(asked.get("cursor", ["0"])[0])
        end, told = start + hub.page, dict[str, str]()
        if end < len(listed):
            address = urlsplit(self.path)._replace(query=urlencode({"recursive": asked["recursive"][0], "cursor": end}))
            told["Link"] = f'<{hub.url}{address.geturl()}>; rel="next"'
        return self.answer(200, listed[start:end], **told)

    def paths(self, name: str, revision: str) -> None:
        wanted = parse_qs(self.body().decode())["paths"]
        if found := self.readable(name, revision):
            files = found[0].commits[found[1]]
            self.answer(200, [item for path in wanted if (item := item_at(files, path))])

    def refs(self, name: str) -> None:
        if found := self.readable(name, None):
            kinds = {"branches": ("heads", found[0].branches), "tags": ("tags", found[0].tags)}
            listed = {
                kind: [{"name": n, "ref": f"refs/{where}/{n}", "targetCommit": commit} for n, commit in refs.items()]
                for kind, (where, refs) in kinds.items()
            }
            self.answer(200, {**listed, "converts": []})

    def resolve(self, name: str, revision: str, path: str) -> None:
        found = self.readable(name, revision)
        if not found:
            return
        repo, commit = found
        hub, data = self.server.hub, repo.commits[commit].get(path)
        if repo.gated and self.user != name.split("/")[-2]:
            return self.answer(403 if self.user else 401, X_Error_Code="GatedRepo")
        statuses = hub.status.get(path, []) if self.command == "GET" else []
        if status := statuses.pop(0) if statuses else None:
            return self.answer(status)
        if data is None:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        if not path.endswith(LARGE):
            return self.send_file(path, data, X_Repo_Commit=commit, ETag=f'"{git_sha1(data)}"')
        digest = hashlib.sha256(data).hexdigest()
        hub.large[digest] = data
        told = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
        told |= {"Location": f"{hub.cdn}/{digest}?name={quote(path)}", **hub.headers.get(path, {})}
        return self.answer(302, **told)

    # ------------------------------------------------------------------------------------------------- writing

    def create(self) -> None:
        wanted = json.loads(self.body())
        name = f"{wanted['organization'] or self.user}/{wanted['name']}"
        answer = {"url": f"{self.server.hub.url}/{name}", "name": name}
        if self.user is None:
            return self.answer(401, {"error": "Invalid username or password."})
        if self.user != name.split("/")[0]:
            return self.answer(403, {"error": "Forbidden"}, X_Error_Message="Forbidden: not your namespace")
        if name in self.server.hub.repos:
            return self.answer(409, {"error": "You already created this model repo", **answer})
        repo = self.server.hub.repos[name] = Repo(private=wanted.get("visibility") == "private")
        repo.commit({".gitattributes": b"*.safetensors filter=lfs\n*.png filter=lfs\n"})
        return self.answer(200, answer)

    def validate(self) -> None:
        content = json.loads(self.body())["content"]
        try:
            head = yaml.safe_load(content.split("---\n")[1])
            errors = [] if isinstance(head, dict) and "license" in head else [{"message": '"license" is required'}]
        except (IndexError, yaml.YAMLError) as error:
            errors = [{"message": str(error)}]
        self.answer(400 if errors else 200, {"errors": errors, "warnings": []})

    def collect(self) -> None:
        """A new collection, or 409 with the one of that title."""
        wanted, hub = json.loads(self.body()), self.server.hub
        slug = f"{wanted['namespace']}/{wanted['title']}-64f9a55b"
        if self.user != wanted["namespace"]:
            return self.answer(403 if self.user else 401, {"error": "Forbidden"})
        if slug in hub.collections:
            return self.answer(409, {"error": "there is one", "slug": slug})
        hub.collections[slug] = []
        return self.collection(slug)

    def collection(self, slug: str) -> None:
        items = [
            {"_id": str(i), "id": name, "type": "model", "position": i}
            for i, name in enumerate(self.server.hub.collections[slug])
        ]
        named = {"slug": slug, "title": slug.partition("/")[2].rpartition("-")[0], "owner": {"name": self.user}}
        more = {
            "lastUpdated": "2026-01-01T00:00:00.000Z",
            "position": 0,
            "private": False,
            "theme": "blue",
            "upvotes": 0,
        }
        self.answer(200, {**named, **more, "items": items})

    def add_item(self, slug: str) -> None:
        wanted = json.loads(self.body())["item"]
        if self.user != slug.partition("/")[0] or wanted["id"] not in self.server.hub.repos:
            return self.answer(404, {"error": "not found"})
        if wanted["id"] in self.server.hub.collections[slug]:
            return self.answer(409, {"error": "it is in there"})
        self.server.hub.collections[slug].append(wanted["id"])
        return self.collection(slug)

    def preupload(self, name: str, revision: str) -> None:
        wanted = json.loads(self.body())["files"]
        if repo := self.writable(name):
            there = repo.commits.get(repo.find(revision) or "", {})
            answers = []
            for item in wanted:
                large, data = item["path"].endswith(LARGE), there.get(item["path"])
                oid = None if data is None else hashlib.sha256(data).hexdigest() if large else git_sha1(data)
                mode = "lfs" if large else "regular"
                answers.append({"path": item["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
            self.answer(200, {"files": answers})

    def batch(self, name: str) -> None:
        wanted = json.loads(self.body())
        if self.writable(name):
            objects = []
            for item in wanted["objects"]:
                answer = {"oid": item["oid"], "size": item["size"]}
                if item["oid"] not in self.server.hub.large:
                    verify = f"{self.server.hub.url}/{name}.git/info/lfs/verify"
                    upload = {"href": f"{self.server.hub.cdn}/{item['oid']}", "header": {}}
                    answer["actions"] = {"upload": upload, "verify": {"href": verify, "header": {}}}
                objects.append(answer)
            self.answer(200, {"transfer": "basic", "objects": objects})

    def verify(self, name: str) -> None:
        wanted = json.loads(self.body())
        data = self.server.hub.large.get(wanted["oid"])
        self.answer(200 if data is not None and len(data) == wanted["size"] else 404)

    def commit(self, name: str, revision: str) -> None:
        lines = [json.loads(line) for line in self.body().splitlines()]
        repo = self.writable(name)
        if repo is None:
            return
        if revision not in repo.branches:
            return self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
        files = dict(repo.commits[repo.branches[revision]])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.hub.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = repo.commit(files, revision)
        return self.answer(200, {"success": True, "commitOid": commit, "commitUrl": f"{self.server.hub.url}/{name}"})

    def branch(self, name: str, branch: str) -> None:
        wanted = json.loads(self.body() or b"{}")
        if repo := self.writable(name):
            if branch in repo.branches:
                return self.answer(409, {"error": "Reference already exists"})
            start = repo.find(wanted.get("startingPoint") or "main")
            assert start is not None
            repo.branches[branch] = start
            return self.answer(200, {})
        return None

    def tag(self, name: str, revision: str) -> None:
        wanted = json.loads(self.body())
        if repo := self.writable(name):
            commit = repo.find(revision)
            if wanted["tag"] in repo.tags:
                return self.answer(409, {"error": "Tag already exists"})
            if commit is None:
                return self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
            repo.tags[wanted["tag"]] = commit
            return self.answer(200, {})
        return None
