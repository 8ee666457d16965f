# SPDX-License-Identifier: Apache-2.0
"""What a Dockerfile must come to: one case per instruction and rule. Read by tests/build/run.

case(name, dockerfile, files, args, tree, config, fails, warns, differs)
  dockerfile  `FROM base` is a busybox image with users daemon (1:1), app (1000:1000, group staff 50 too)
  files       the context: path -> text; "->x" is a symlink, "dir/" a directory, ("text", 0o755) has a mode, bytes are bytes
  tree        path -> "f 644 0:0 text", "d 755 0:0", "l target"; None: not there. A '-' field is not looked at
  config      member of the image's config -> value; "History" -> the created_by of new entries
  fails       what the error says; differs: why buildah's result is not to be compared (its version 1.28)
"""
CASES = []


def case(name, dockerfile, files=None, args=(), tree=None, config=None, fails=None, differs=None, output=None):
    CASES.append(dict(name=name, dockerfile=dockerfile.lstrip("\n"), files=files or {}, args=list(args), tree=tree or {},
                      config=config or {}, fails=fails, differs=differs, output=output))


D = "d 755 0:0"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUILDKIT = "buildah writes what the classic builder wrote"

# ---- FROM, stages, ARG ------------------------------------------------------------------------------------------------
case("from-scratch", "FROM scratch\nCOPY a /a\n", {"a": "x"}, tree={"/a": "f 644 0:0 x"}, config={"Env": [PATH], "WorkingDir": "/"},
     differs="buildah sets no PATH and no WorkingDir in an image from scratch")
case("from-lower-case", "from base\nrun echo x >/x\n", tree={"/x": "f 644 0:0 x\n"})
case("from-arg", "ARG B=base\nFROM $B\nCOPY a /a\n", {"a": "x"}, tree={"/a": "f 644 0:0 x", "/bin/busybox": "f 755 0:0 -"})
case("from-arg-given", "ARG B=nothing\nFROM ${B}\nCOPY a /a\n", {"a": "x"}, ["--build-arg", "B=base"], tree={"/a": "f - - x"})
case("from-arg-default", "FROM ${B:-base}\nCOPY a /a\n", {"a": "x"}, tree={"/a": "f - - x"})
case("from-stage", "FROM base AS one\nRUN echo 1 >/one\nFROM one\nRUN echo 2 >/two\n", tree={"/one": "f - - 1\n", "/two": "f - - 2\n"})
case("from-stage-case", "FROM base AS One\nRUN echo 1 >/one\nFROM ONE\nRUN echo 2 >/two\n", tree={"/one": "f - - 1\n"},
     differs="buildah compares stage names with their case")
case("copy-from-name", "FROM base AS one\nRUN echo 1 >/one\nFROM scratch\nCOPY --from=one /one /two\n", tree={"/two": "f 644 0:0 1\n", "/bin": None})
case("copy-from-index", "FROM base\nRUN echo 1 >/one\nFROM scratch\nCOPY --from=0 /one /\n", tree={"/one": "f 644 0:0 1\n"})
case("copy-from-image", "FROM scratch\nCOPY --from=base /etc/passwd /p\n", tree={"/p": "f 644 0:0 -"})
case("copy-from-later", "FROM scratch\nCOPY --from=late /x /x\nFROM base AS late\nRUN echo 1 >/x\n", args=["--target", "0"],
     tree={"/x": "f - - 1\n"}, differs="buildah refuses a stage that comes later")
case("unused-stage-not-built", "FROM base AS bad\nRUN exit 9\nFROM scratch\nCOPY a /a\n", {"a": "x"}, tree={"/a": "f - - x"})
case("unused-image-not-pulled", "FROM nowhere.invalid/x AS bad\nFROM base\nCOPY a /a\n", {"a": "x"}, tree={"/a": "f - - x"})
case("target", "FROM base AS one\nRUN echo 1 >/one\nFROM base AS two\nRUN exit 3\n", args=["--target", "one"], tree={"/one": "f - - 1\n"})
case("target-unknown", "FROM base AS one\nCOPY a /\n", {"a": ""}, ["--target", "on"], fails='target stage "on" could not be found (did you mean one?)')
case("circular", "FROM base AS a\nCOPY --from=b x x\nFROM base AS b\nCOPY --from=a x x\n", fails="circular dependency detected")
case("arg-in-stage", "ARG G=1\nFROM base\nARG G\nARG L=$G-2\nRUN echo $G $L >/x\n", tree={"/x": "f - - 1 1-2\n"})
case("arg-global-invisible", "ARG G=1\nFROM base\nRUN echo \"[$G]\" >/x\n", tree={"/x": "f - - []\n"})
case("arg-override", "FROM base\nARG A=1\nRUN echo $A >/x\n", args=["--build-arg", "A=2"], tree={"/x": "f - - 2\n"})
case("arg-env-wins", "FROM base\nENV A=env\nARG A=arg\nRUN echo $A >/x\n", args=["--build-arg", "A=given"], tree={"/x": "f - - env\n"})
case("arg-not-in-image", "FROM base\nARG A=1\nRUN true\n", config={"Env": [PATH]})
case("arg-inherited-by-stage", "FROM base AS a\nARG A=1\nFROM a\nRUN echo \"[$A]\" >/x\n", tree={"/x": "f - - [1]\n"},
     differs="buildah forgets ARGs at the next FROM")
case("arg-several", "FROM base\nARG A=1 B=2\nRUN echo $A$B >/x\n", tree={"/x": "f - - 12\n"})
case("arg-history", "FROM base\nARG A=1\nRUN true\n", args=["--build-arg", "A=2"],
     config={"History": ["ARG A=2", "RUN |1 A=2 /bin/sh -c true # buildkit"]}, differs=BUILDKIT)
case("arg-platform", "FROM base\nARG TARGETOS TARGETARCH TARGETPLATFORM\nRUN echo $TARGETOS/$TARGETARCH $TARGETPLATFORM >/x\n",
     tree={"/x": "f - - linux/amd64 linux/amd64\n"})
case("arg-undeclared-ignored", "FROM base\nRUN echo \"[$Q]\" >/x\n", args=["--build-arg", "Q=1"], tree={"/x": "f - - []\n"})
case("arg-proxy", "FROM base\nRUN echo $http_proxy >/x\n", args=["--build-arg", "http_proxy=http://p"], tree={"/x": "f - - http://p\n"},
     config={"Env": [PATH]})

# ---- ENV, expansion ---------------------------------------------------------------------------------------------------
case("env", "FROM base\nENV A=1 B=\"two words\" C='$A' D=x\\ y\n", config={"Env": [PATH, "A=1", "B=two words", "C=$A", "D=x y"]})
case("env-legacy", "FROM base\nENV A one two\n", config={"Env": [PATH, "A=one two"]})
case("env-old-value", "FROM base\nENV a=1\nENV a=2 b=$a\n", config={"Env": [PATH, "a=2", "b=1"]})
case("env-in-run", "FROM base\nENV A='it is'\nRUN echo \"$A\" >/x\n", tree={"/x": "f - - it is\n"})
case("env-replaces", "FROM base\nENV A=1\nENV B=2\nENV A=3\n", config={"Env": [PATH, "A=3", "B=2"]})
case("env-path", "FROM base\nENV PATH=/x:$PATH\n", config={"Env": ["PATH=/x:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]})
case("env-empty", "FROM base\nENV A= B=\"\"\n", config={"Env": [PATH, "A=", "B="]})
case("env-modifiers", "FROM base\nENV a=x b=\nENV c=${a:-n} d=${b:-n} e=${z:-n} f=${a:+n} g=${b:+n} h=${z-n} i=${b-n}\n",
     config={"Env": [PATH, "a=x", "b=", "c=x", "d=n", "e=n", "f=n", "g=", "h=n", "i="]},
     differs="buildah 1.28 knows no ${x-n}")
case("env-patterns", "FROM base\nENV p=/usr/lib/a.tar.gz\nENV a=${p#*/} b=${p##*/} c=${p%.*} d=${p%%.*} e=${p/lib/share} f=${p//a/A}\n",
     config={"Env": [PATH, "p=/usr/lib/a.tar.gz", "a=usr/lib/a.tar.gz", "b=a.tar.gz", "c=/usr/lib/a.tar", "d=/usr/lib/a",
                     "e=/usr/share/a.tar.gz", "f=/usr/lib/A.tAr.gz"]}, differs="buildah 1.28 knows no patterns")
case("env-required", "FROM base\nENV a=${b:?needed}\n", fails="2:1: b: needed")
case("env-bad", "FROM base\nENV a=${b\n", fails="missing '}'")
case("env-dollar", "FROM base\nENV a=\\$b c=$ d=5$\n", config={"Env": [PATH, "a=$b", "c=$", "d=5$"]})
case("env-history", "FROM base\nENV a=1 b=2\n", config={"History": ["ENV a=1 b=2"]}, differs=BUILDKIT)
case("env-escape-backtick", "# escape=`\nFROM base\nENV a=C:\\x b=`$y\nRUN echo a `\n b >/x\n", config={"Env": [PATH, "a=C:\\x", "b=$y"]},
     tree={"/x": "f - - a b\n"},
     differs="buildah ignores the escape directive in words")

# ---- lexical ----------------------------------------------------------------------------------------------------------
case("continuation", "FROM base\nRUN echo a \\\n  # no\n\n  b >/x\n", tree={"/x": "f - - a b\n"})
case("crlf", "FROM base\r\nRUN echo a \\\r\n b >/x\r\n", tree={"/x": "f - - a b\n"}, differs="buildah keeps the carriage returns of some lines")
case("unknown-instruction", "FROM base\nRUM x\n", fails="Dockerfile:2:1: unknown instruction: RUM (did you mean RUN?)")
case("unknown-flag", "FROM base\nCOPY --form=x a b\n", fails="Dockerfile:2:6: unknown flag: --form (did you mean --from?)")
case("no-instruction", "# nothing\n", fails="file with no instructions")
case("trailing-continuation", "FROM base\nRUN echo a >/x \\\n", tree={"/x": "f - - a\n"})
case("comment-in-line", "FROM base\nRUN echo a # b >/x\nRUN echo 'c # d' >/y\n", tree={"/x": None, "/y": "f - - c # d\n"})
case("directive-syntax", "# syntax=docker/dockerfile:1\nFROM base\nRUN echo a >/x\n", tree={"/x": "f - - a\n"})

# ---- RUN --------------------------------------------------------------------------------------------------------------
case("run-shell", "FROM base\nRUN echo $((1+2)) >/x\n", tree={"/x": "f 644 0:0 3\n"})
case("run-exec", 'FROM base\nRUN ["/bin/touch", "/a b"]\n', tree={"/a b": "f 644 0:0 "})
case("run-exec-no-expansion", 'FROM base\nENV A=1\nRUN ["/bin/touch", "/$A"]\n', tree={"/$A": "f 644 0:0 "})
case("run-single-quotes", "FROM base\nRUN ['true'] || echo shell >/x\n", tree={"/x": "f - - shell\n"})
case("run-fails", "FROM base\nRUN exit 7\n", fails="did not complete successfully: exit code: 7")
case("run-missing-program", 'FROM base\nRUN ["/nope"]\n', fails="did not complete successfully: exit code")
case("run-heredoc", "FROM base\nRUN <<EOF\necho a >/x\necho b >>/x\nEOF\n", tree={"/x": "f - - a\nb\n"}, differs="buildah 1.28 has no heredocs")
case("run-heredoc-shebang", "FROM base\nRUN <<EOF\n#!/bin/sh -e\necho $0 >/x\nEOF\n", tree={"/x": "f - - /dev/pipes/EOF\n"}, differs="buildah 1.28 has no heredocs")
case("run-heredoc-input", "FROM base\nENV v=1\nRUN cat >/x <<EOF && cat >/y <<-'Q'\n$v\nEOF\n\t$v\n\tQ\n", tree={"/x": "f - - 1\n", "/y": "f - - $v\n"},
     differs="buildah 1.28 has no heredocs")
case("run-user", "FROM base\nUSER app\nRUN id -u >/tmp/x; id -g >>/tmp/x; id -G >>/tmp/x\n", tree={"/tmp/x": "f 644 1000:1000 1000\n1000\n1000 50\n"})
case("run-user-number", "FROM base\nUSER 7:8\nRUN id -u >/tmp/x; id -g >>/tmp/x\n", tree={"/tmp/x": "f 644 7:8 7\n8\n"})
case("run-user-missing", "FROM base\nUSER nobody-knows\nRUN true\n", fails="no user nobody-knows")
case("run-workdir", "FROM base\nWORKDIR /w/x\nRUN pwd >y\n", tree={"/w": D, "/w/x": D, "/w/x/y": "f - - /w/x\n"})
case("run-home", "FROM base\nUSER app\nRUN echo $HOME >/tmp/x\n", tree={"/tmp/x": "f - - /home/app\n"})
case("run-deletes", "FROM base\nRUN rm /etc/group && rm -r /home\n", tree={"/etc/group": None, "/home": None, "/etc/passwd": "f - - -"})
case("run-replaces-dir", "FROM base\nRUN rm -r /home && echo f >/home\n", tree={"/home": "f - - f\n"})
case("run-recreates-dir", "FROM base\nRUN rm -r /home && mkdir /home && touch /home/new\n", tree={"/home": D, "/home/app": None, "/home/new": "f - - "})
case("run-links", "FROM base\nRUN echo a >/a && ln /a /b && ln -s a /c && mkfifo /p\n", tree={"/a": "f - - a\n", "/b": "f - - a\n", "/c": "l a", "/p": "p 644 0:0"})
case("run-modes", "FROM base\nRUN touch /a && chown 5:6 /a && chmod 4751 /a && mkdir -m 1777 /d\n", tree={"/a": "f 4751 5:6 ", "/d": "d 1777 0:0"})
case("run-stdin-empty", "FROM base\nRUN cat >/x\n", tree={"/x": "f - - "})
case("run-no-stubs", "FROM base\nRUN rm -rf /etc/hosts; true\n", tree={"/etc/hosts": None, "/etc/resolv.conf": None, "/dev/null": None, "/proc/1": None, "/dev/pipes": None},
     differs="buildah leaves /etc/resolv.conf and /etc/hosts as empty files")
case("run-network-none", "FROM base\nRUN --network=none ls /sys/class/net >/x\n", tree={"/x": "f - - lo\n"}, differs="chroot isolation has the host's network")
case("run-hosts", "FROM base\nRUN grep -c extra /etc/hosts >/x\n", args=["--add-host", "extra:10.1.2.3"], tree={"/x": "f - - 1\n"},
     differs="with --isolation chroot buildah mounts no hosts file")
case("run-environment-clean", "FROM base\nRUN env | sort >/x\n", tree={"/x": f"f - - HOME=/root\n{PATH}\nPWD=/\nSHLVL=1\n"},
     differs="buildah sets more variables")
case("run-capabilities", "FROM base\nRUN grep CapEff /proc/self/status >/x\n", tree={"/x": "f - - CapEff:\t00000000a80425fb\n"}, differs="podman's capabilities are fewer")
case("run-history", 'FROM base\nRUN echo a\nRUN ["/bin/true", "x"]\n', config={"History": ["RUN /bin/sh -c echo a # buildkit", "RUN /bin/true x # buildkit"]}, differs=BUILDKIT)

# ---- RUN --mount ------------------------------------------------------------------------------------------------------
case("mount-bind", "FROM base\nRUN --mount=target=/m cat /m/d/f >/x\n", {"d/f": "in"}, tree={"/x": "f - - in", "/m": None}, differs="buildah leaves the mount point")
case("mount-bind-ro", "FROM base\nRUN --mount=target=/m touch /m/no 2>/dev/null || echo ro >/x\n", {"f": ""}, tree={"/x": "f - - ro\n"}, differs="buildah leaves the mount point")
case("mount-bind-rw", "FROM base\nRUN --mount=target=/m,rw touch /m/yes && ls /m >/x\n", {"f": ""}, tree={"/x": "f - - Dockerfile\nf\nyes\n", "/m": None}, differs="buildah leaves the mount point")
case("mount-bind-file", "FROM base\nRUN --mount=type=bind,source=f,target=/etc/one cat /etc/one >/x\n", {"f": "one"}, tree={"/x": "f - - one", "/etc/one": None}, differs="buildah leaves the mount point")
case("mount-bind-from", "FROM base AS s\nRUN mkdir /q && echo s >/q/f\nFROM base\nRUN --mount=from=s,source=/q,target=/m cat /m/f >/x\n", tree={"/x": "f - - s\n"}, differs="buildah leaves the mount point")
case("mount-bind-image", "FROM base\nRUN --mount=from=base,target=/m ls /m/etc/passwd >/x\n", tree={"/x": "f - - /m/etc/passwd\n"}, differs="buildah leaves the mount point")
case("mount-bind-missing", "FROM base\nRUN --mount=source=none,target=/m true\n", fails="none",
     differs="buildah runs the step without the mount's source")
case("mount-relative", "FROM base\nWORKDIR /w\nRUN --mount=target=m ls /w/m/f\n", {"f": ""}, tree={"/w/m": None}, differs="buildah leaves the mount point")
case("mount-cache", "FROM base\nRUN --mount=type=cache,target=/c echo a >/c/f && ls /c >/x\nRUN --mount=type=cache,target=/c cat /c/f >>/x\n", tree={"/x": "f - - f\na\n", "/c": None},
     differs="buildah leaves the mount point")
case("mount-cache-id", "FROM base\nRUN --mount=type=cache,id=one,target=/c echo a >/c/f\nRUN --mount=type=cache,id=two,target=/c ls /c >/x\n", tree={"/x": "f - - "}, differs="buildah leaves the mount point")
case("mount-cache-mode", "FROM base\nRUN --mount=type=cache,id=mode,target=/c,mode=0700,uid=5,gid=6 stat -c '%a %u %g' /c >/x\n", tree={"/x": "f - - 700 5 6\n"}, differs="buildah leaves the mount point")
case("mount-cache-traversal", "FROM base\nRUN --mount=type=cache,id=../../../../etc,target=/c ls /c >/x\n", tree={"/x": "f - - "}, differs="CVE-2024-9675 in buildah 1.28")
case("mount-tmpfs", "FROM base\nRUN --mount=type=tmpfs,target=/t touch /t/f && grep -c ' /t tmpfs' /proc/mounts >/x\n", tree={"/x": "f - - 1\n", "/t": None}, differs="buildah leaves the mount point")
case("mount-secret", "FROM base\nRUN --mount=type=secret,id=s cat /run/secrets/s >/dev/null && stat -c %a /run/secrets/s >/x\n", {"s": "hush"}, ["--secret", "id=s,src={context}/s"],
     tree={"/x": "f - - 400\n", "/run/secrets": None}, differs="buildah leaves the mount point")
case("mount-secret-target", "FROM base\nRUN --mount=type=secret,id=s,target=/k,mode=0444,uid=3 stat -c '%a %u' /k >/x\n", {"s": "hush"}, ["--secret", "id=s,src={context}/s"],
     tree={"/x": "f - - 444 3\n", "/k": None}, differs="buildah leaves the mount point")
case("mount-secret-env", "FROM base\nRUN --mount=type=secret,id=s,env=S echo ${#S} >/x\n", {"s": "hush"}, ["--secret", "id=s,src={context}/s"], tree={"/x": "f - - 4\n"}, differs="not in buildah 1.28")
case("mount-secret-missing", "FROM base\nRUN --mount=type=secret,id=s ls /run/secrets/s 2>/dev/null || echo none >/x\n", tree={"/x": "f - - none\n"}, differs="buildah leaves the mount point")
case("mount-secret-required", "FROM base\nRUN --mount=type=secret,id=s,required true\n", fails="secret s: not found")
case("mount-unknown-key", "FROM base\nRUN --mount=type=cache,tgt=/x true\n", fails="unexpected key 'tgt' for mount type 'cache' (did you mean dst?)")
case("mount-option-injection", "FROM base\nRUN --mount=type=bind,target=/m,bind-propagation=shared,dev true\n", fails="unexpected key 'bind-propagation'")
case("mount-root", "FROM base\nRUN --mount=target=/ true\n", fails='invalid mount target "/"')
case("mount-variable", "FROM base\nARG T=/m\nRUN --mount=target=$T ls /m/f\n", {"f": ""}, tree={"/m": None}, differs="buildah leaves the mount point")
case("mount-bind-symlink-out", "FROM base AS s\nRUN ln -s / /link\nFROM base\nRUN --mount=from=s,source=/link,target=/m ls /m/link >/x\n", tree={"/x": "f - - -"}, differs="CVE-2024-1753 in buildah 1.28")

# ---- COPY -------------------------------------------------------------------------------------------------------------
case("copy-file", "FROM scratch\nCOPY a /b\n", {"a": "x"}, tree={"/b": "f 644 0:0 x"})
case("copy-file-into", "FROM scratch\nCOPY a /d/\n", {"a": "x"}, tree={"/d": D, "/d/a": "f 644 0:0 x"})
case("copy-existing-dir", "FROM base\nCOPY a /tmp\n", {"a": "x"}, tree={"/tmp": "d 1777 0:0", "/tmp/a": "f 644 0:0 x"})
case("copy-dir-content", "FROM scratch\nCOPY d /e\n", {"d/a": "x", "d/s/b": "y"}, tree={"/e": D, "/e/a": "f - - x", "/e/s": D, "/e/s/b": "f - - y", "/e/d": None})
case("copy-dot", "FROM scratch\nCOPY . /\n", {"a": "x", "d/b": "y"}, tree={"/a": "f - - x", "/d/b": "f - - y", "/Dockerfile": "f - - -"})
case("copy-several", "FROM scratch\nCOPY a b /d/\n", {"a": "x", "b": "y"}, tree={"/d/a": "f - - x", "/d/b": "f - - y"})
case("copy-several-no-slash", "FROM scratch\nCOPY a b /d\n", {"a": "x", "b": "y"}, tree={"/d/a": "f - - x", "/d/b": "f - - y"})
case("copy-relative", "FROM base\nWORKDIR /w\nCOPY a .\nCOPY a s/\nCOPY a n\n", {"a": "x"}, tree={"/w/a": "f - - x", "/w/s/a": "f - - x", "/w/n": "f - - x"})
case("copy-mode-kept", "FROM scratch\nCOPY a /a\n", {"a": ("x", 0o750)}, tree={"/a": "f 750 0:0 x"})
case("copy-dir-mode-kept", "FROM scratch\nCOPY . /c/\n", {"d/": 0o700, "d/a": "x"}, tree={"/c/d": "d 700 0:0"})
case("copy-parents-made", "FROM scratch\nCOPY a /p/q/r\n", {"a": "x"}, tree={"/p": D, "/p/q": D, "/p/q/r": "f - - x"})
case("copy-chown-number", "FROM scratch\nCOPY --chown=5:6 a d /x/\n", {"a": "x", "d/b": "y"}, tree={"/x/a": "f 644 5:6 x", "/x/b": "f 644 5:6 y"})
case("copy-chown-user-only", "FROM scratch\nCOPY --chown=5 a /a\n", {"a": "x"}, tree={"/a": "f 644 5:5 x"})
case("copy-chown-name", "FROM base\nCOPY --chown=app a /a\nCOPY --chown=app:staff a /b\nCOPY --chown=0:staff a /c\n", {"a": "x"},
     tree={"/a": "f - 1000:1000 x", "/b": "f - 1000:50 x", "/c": "f - 0:50 x"})
case("copy-chown-parents", "FROM base\nCOPY --chown=5:6 a /p/q/a\n", {"a": "x"}, tree={"/p": "d 755 5:6", "/p/q": "d 755 5:6"}, differs="buildah leaves new parents to root")
case("copy-chown-unknown", "FROM base\nCOPY --chown=ghost a /a\n", {"a": "x"}, fails="ghost")
case("copy-chmod-parents", "FROM scratch\nCOPY --chmod=750 a /p/q/a\n", {"a": "x"}, tree={"/p": "d 750 0:0", "/p/q": "d 750 0:0", "/p/q/a": "f 750 - x"}, differs="buildah leaves new parents at 755")
case("copy-chown-root-without-passwd", "FROM scratch\nCOPY --chown=root a /a\n", {"a": "x"}, tree={"/a": "f - 0:0 x"},
     differs="buildah looks root up in a file that is not there")
case("copy-chmod", "FROM scratch\nCOPY --chmod=640 a /a\n", {"a": "x"}, tree={"/a": "f 640 0:0 x"})
case("copy-chmod-dir", "FROM scratch\nCOPY --chmod=750 d /d\n", {"d/s/a": "x"}, tree={"/d/s": "d 750 0:0", "/d/s/a": "f 750 0:0 x"},
     differs="buildah leaves a new destination directory at 755")
case("copy-chmod-symbolic", "FROM scratch\nCOPY --chmod=u=rwX,go=rX d /d\n", {"d/a": ("x", 0o600), "d/b": ("y", 0o700), "d/s/": 0o700}, tree={"/d/a": "f 644 - x", "/d/b": "f 755 - y", "/d/s": "d 755 -"},
     differs="not in buildah 1.28")
case("copy-chmod-bad", "FROM scratch\nCOPY --chmod=888 a /a\n", {"a": "x"}, fails="invalid chmod parameter: '888'")
case("copy-wildcard", "FROM scratch\nCOPY *.txt /d/\n", {"a.txt": "1", "b.txt": "2", "c.md": "3"}, tree={"/d/a.txt": "f - - 1", "/d/b.txt": "f - - 2", "/d/c.md": None})
case("copy-wildcard-question", "FROM scratch\nCOPY ?x /d/\n", {"ax": "1", "abx": "2"}, tree={"/d/ax": "f - - 1", "/d/abx": None})
case("copy-wildcard-class", "FROM scratch\nCOPY [a-b]x /d/\n", {"ax": "1", "cx": "2"}, tree={"/d/ax": "f - - 1", "/d/cx": None})
case("copy-wildcard-deep", "FROM scratch\nCOPY d*/*.c /d/\n", {"d1/a.c": "1", "d2/b.c": "2", "e/c.c": "3"}, tree={"/d/a.c": "f - - 1", "/d/b.c": "f - - 2", "/d/c.c": None})
case("copy-wildcard-dirs", "FROM scratch\nCOPY d* /o/\n", {"d1/a": "1", "d2/b": "2"}, tree={"/o/a": "f - - 1", "/o/b": "f - - 2"})
case("copy-wildcard-escaped", "FROM scratch\nCOPY [[]x] /d/\n", {"[x]": "1", "x": "2"}, tree={"/d/[x]": "f - - 1", "/d/x": None},
     differs="buildah takes [[]x] for x")
case("copy-wildcard-none", "FROM scratch\nCOPY *.nope /d/\n", {"a": ""}, fails="no source files were found")
case("copy-missing", "FROM scratch\nCOPY nope /d/\n", {"a": ""}, fails='"/nope": not found in the build context')
case("copy-json-spaces", 'FROM scratch\nCOPY ["a b", "/c d"]\n', {"a b": "x"}, tree={"/c d": "f - - x"})
case("copy-variables", "FROM scratch\nARG S=a\nENV T=/d\nCOPY $S ${T}/\n", {"a": "x"}, tree={"/d/a": "f - - x"})
case("copy-outside", "FROM scratch\nCOPY ../a /a\n", {"a": "x"}, tree={"/a": "f - - x"}, differs="buildah refuses what BuildKit takes as a path inside")
case("copy-symlink-inside", "FROM scratch\nCOPY d /d\n", {"d/l": "->a", "d/a": "x"}, tree={"/d/l": "l a"})
case("copy-symlink-itself", "FROM scratch\nCOPY l /f\n", {"l": "->a", "a": "x"}, tree={"/f": "f 644 0:0 x"})
case("copy-symlink-dir", "FROM scratch\nCOPY l /e\n", {"l": "->d", "d/a": "x"}, tree={"/e": D, "/e/a": "f - - x"})
case("copy-symlink-through", "FROM scratch\nCOPY l/a /a\n", {"l": "->d", "d/a": "x"}, tree={"/a": "f - - x"})
case("copy-symlink-absolute", "FROM scratch\nCOPY l/a /a\n", {"l": "->/d", "d/a": "x"}, tree={"/a": "f - - x"})
case("copy-symlink-escape", "FROM scratch\nCOPY l /a\n", {"l": "->../../../../../../etc/hostname"}, fails="not found in the build context")
case("copy-to-symlinked-dir", "FROM base\nRUN mkdir /real && ln -s real /lnk\nCOPY a /lnk/\n", {"a": "x"}, tree={"/lnk": "l real", "/real/a": "f - - x"})
case("copy-to-symlinked-file", "FROM base\nRUN touch /real && ln -s real /lnk\nCOPY a /lnk\n", {"a": "x"}, tree={"/lnk": "l real", "/real": "f - - x"}, differs="buildah replaces the link")
case("copy-to-escaping-symlink", "FROM base\nRUN ln -s /../../../tmp/canary /lnk && mkdir -p /tmp/canary\nCOPY a /lnk/\n", {"a": "x"}, tree={"/tmp/canary/a": "f - - x"})
case("copy-over-file", "FROM base\nRUN echo old >/f && chmod 600 /f && chown 5 /f\nCOPY a /f\n", {"a": "x"}, tree={"/f": "f 644 0:0 x"})
case("copy-over-dir", "FROM base\nRUN mkdir -p /d/a\nCOPY a /d/\n", {"a": "x"}, fails="cannot copy to directory",
     differs="buildah replaces the directory")
case("copy-dir-over-file", "FROM base\nRUN mkdir /d && touch /d/s\nCOPY e /d\n", {"e/s/x": "1"}, fails="cannot copy to non-directory",
     differs="buildah replaces the file")
case("copy-root-dir-keeps-mode", "FROM base\nRUN mkdir -m 700 /d && chown 5 /d\nCOPY e /d\n", {"e/a": "x"}, tree={"/d": "d 700 5:0", "/d/a": "f - - x"}, differs="buildah gives the root the source's mode")
case("copy-nested-dir-takes-mode", "FROM base\nRUN mkdir -p /d/s && chmod 700 /d/s && chown 5 /d/s\nCOPY e /d\n", {"e/s/a": "x"}, tree={"/d/s": D})
case("copy-hardlinks", "FROM scratch\nCOPY --from=s /h /h\nFROM base AS s\nRUN mkdir /h && echo a >/h/a && ln /h/a /h/b\n", args=["--target", "0"], tree={"/h/a": "f - - a\n", "/h/b": "f - - a\n"},
     differs="buildah refuses a stage that comes later")
case("copy-from-keeps-owner", "FROM base AS s\nRUN echo a >/a && chown 5:6 /a\nFROM scratch\nCOPY --from=s /a /a\n", tree={"/a": "f 644 5:6 a\n"})
case("copy-from-chown", "FROM base AS s\nRUN echo a >/a && chown 5:6 /a\nFROM scratch\nCOPY --from=s --chown=7:8 /a /a\n", tree={"/a": "f 644 7:8 a\n"})
case("copy-from-fifo", "FROM base AS s\nRUN mkdir /d && mkfifo /d/p\nFROM scratch\nCOPY --from=s /d /d\n", tree={"/d/p": "p 644 0:0"})
case("copy-from-dotdot", "FROM base AS s\nRUN echo a >/a\nFROM scratch\nCOPY --from=s ../../a /a\n", tree={"/a": "f - - a\n"})
case("copy-exclude", "FROM scratch\nCOPY --exclude=*.md --exclude=s/x d /d\n", {"d/a": "1", "d/b.md": "2", "d/s/x": "3", "d/s/y": "4"}, tree={"/d/a": "f - - 1", "/d/b.md": None, "/d/s/x": None, "/d/s/y": "f - - 4"},
     differs="not in buildah 1.28")
case("copy-exclude-negated", "FROM scratch\nCOPY --exclude=* --exclude=!a d /d\n", {"d/a": "1", "d/b": "2"}, tree={"/d/a": "f - - 1", "/d/b": None}, differs="not in buildah 1.28")
case("copy-parents", "FROM scratch\nCOPY --parents a/b/c.txt d/e /x/\n", {"a/b/c.txt": "1", "d/e/f": "2"}, tree={"/x/a/b/c.txt": "f - - 1", "/x/d/e/f": "f - - 2"}, differs="not in buildah 1.28")
case("copy-parents-pivot", "FROM scratch\nCOPY --parents a/./b/*.txt /x/\n", {"a/b/c.txt": "1"}, tree={"/x/b/c.txt": "f - - 1", "/x/a": None}, differs="not in buildah 1.28")
case("copy-parents-deep", "FROM scratch\nCOPY --parents **/*.txt /x/\n", {"a/b/c.txt": "1", "d.txt": "2", "e.md": ""}, tree={"/x/a/b/c.txt": "f - - 1", "/x/d.txt": "f - - 2", "/x/e.md": None}, differs="not in buildah 1.28")
case("copy-link", "FROM base\nCOPY --link a /new/a\n", {"a": "x"}, tree={"/new/a": "f 644 0:0 x", "/bin/busybox": "f - - -"},
     differs="not in buildah 1.28")
case("copy-heredoc", "FROM base\nENV v=1\nCOPY <<one <<'two' /d/\n\"$v\"\none\n$v\ntwo\n", tree={"/d/one": 'f 644 0:0 "1"\n', "/d/two": "f 644 0:0 $v\n"}, differs="buildah 1.28 has no heredocs")
case("copy-heredoc-file", "FROM base\nCOPY --chmod=755 --chown=5:6 <<EOF /usr/bin/x\n#!/bin/sh\nEOF\n", tree={"/usr/bin/x": "f 755 5:6 #!/bin/sh\n"}, differs="buildah 1.28 has no heredocs")
case("copy-one-argument", "FROM base\nCOPY a\n", fails="COPY requires at least two arguments, but only one was provided")
case("copy-history", "FROM base\nWORKDIR /w\nCOPY --chown=5 a b c/\n", {"a": "", "b": ""}, config={"History": ["WORKDIR /w", "COPY --chown=5 a b /w/c/ # buildkit"]}, differs=BUILDKIT)
case("copy-named-context", "FROM base\nCOPY --from=other f /f\n", {"other/f": "x"}, ["--build-context", "other={context}/other"], tree={"/f": "f 644 0:0 x"})

# ---- .dockerignore ----------------------------------------------------------------------------------------------------
case("ignore", "FROM scratch\nCOPY . /\n", {".dockerignore": "a\n*.o\n# c\n", "a": "", "b.o": "", "c": "x", "d/e.o": "y"}, tree={"/a": None, "/b.o": None, "/c": "f - - x", "/d/e.o": "f - - y"})
case("ignore-deep", "FROM scratch\nCOPY . /\n", {".dockerignore": "**/*.o\n", "b.o": "", "d/e.o": "", "d/f": "x"}, tree={"/b.o": None, "/d/e.o": None, "/d/f": "f - - x"})
case("ignore-directory", "FROM scratch\nCOPY . /\n", {".dockerignore": "d/\n", "d/a": "", "e": "x"}, tree={"/d": None, "/e": "f - - x"})
case("ignore-negated", "FROM scratch\nCOPY . /\n", {".dockerignore": "*\n!keep\n", "a": "", "keep": "x"}, tree={"/a": None, "/keep": "f - - x"})
case("ignore-negated-below", "FROM scratch\nCOPY . /\n", {".dockerignore": "d\n!d/keep\n", "d/a": "", "d/keep": "x"}, tree={"/d/a": None, "/d/keep": "f - - x"})
case("ignore-all-but-deep", "FROM scratch\nCOPY . /\n", {".dockerignore": "*\n!**/x.c\n", "a/b/x.c": "1", "a/y": ""}, tree={"/a/b/x.c": "f - - 1", "/a/y": None},
     differs="buildah does not look below what an earlier rule excludes")
case("ignore-literal", "FROM scratch\nCOPY a /a\n", {".dockerignore": "a\n", "a": ""}, fails=".dockerignore excludes it")
case("ignore-last-wins", "FROM scratch\nCOPY . /\n", {".dockerignore": "!a\na\n", "a": "", "b": "x"}, tree={"/a": None, "/b": "f - - x"})
case("ignore-slash", "FROM scratch\nCOPY . /\n", {".dockerignore": "/a\n./b\n", "a": "", "b": "", "d/a": "x"}, tree={"/a": None, "/b": None, "/d/a": "f - - x"})
case("ignore-bad", "FROM scratch\nCOPY . /\n", {".dockerignore": "a\n[\n"}, fails=".dockerignore:2")
case("ignore-own-file", "FROM scratch\nCOPY . /\n", {".dockerignore": "a\n", "Dockerfile.dockerignore": "b\n", "a": "x", "b": ""}, tree={"/a": "f - - x", "/b": None}, differs="not in buildah 1.28")
case("ignore-dockerfile", "FROM scratch\nCOPY . /\n", {".dockerignore": "Dockerfile\n.dockerignore\n", "a": "x"}, tree={"/a": "f - - x", "/Dockerfile": None, "/.dockerignore": None})
case("ignore-not-from-stage", "FROM base AS s\nRUN echo 1 >/a\nFROM scratch\nCOPY --from=s /a /a\n", {".dockerignore": "a\n"}, tree={"/a": "f - - 1\n"})

# ---- ADD --------------------------------------------------------------------------------------------------------------
case("add-file", "FROM scratch\nADD a /b\n", {"a": "x"}, tree={"/b": "f 644 0:0 x"})
for suffix in ("tar", "tar.gz", "tar.bz2", "tar.xz"):
    case("add-" + suffix, f"FROM base\nADD t.{suffix} /x\n", {"t." + suffix: "@tar"}, tree={"/x": D, "/x/d": "d 750 3:4", "/x/d/f": "f 640 3:4 in", "/x/l": "l d/f", "/x/t." + suffix: None})
case("add-tar-by-content", "FROM scratch\nADD odd /x/\n", {"odd": "@tar"}, tree={"/x/d/f": "f 640 3:4 in"})
case("add-gz-not-tar", "FROM scratch\nADD t.gz /x/\n", {"t.gz": "@gz"}, tree={"/x/t.gz": "f 644 0:0 -"})
case("add-tar-chown", "FROM scratch\nADD --chown=7:8 t.tar /x/\n", {"t.tar": "@tar"}, tree={"/x/d/f": "f 640 7:8 in"}, differs="buildah keeps the archive's owners")
case("add-unpack-false", "FROM scratch\nADD --unpack=false t.tar /x/\n", {"t.tar": "@tar"}, tree={"/x/t.tar": "f 644 0:0 -", "/x/d": None}, differs="not in buildah 1.28")
case("add-tar-merges", "FROM base\nRUN mkdir -p /x/d && echo old >/x/d/old\nADD t.tar /x/\n", {"t.tar": "@tar"}, tree={"/x/d/old": "f - - old\n", "/x/d/f": "f - - in"})
case("add-tar-escape", "FROM base\nADD t.tar /x/\n", {"t.tar": "@escape"}, fails="Dockerfile:2")
case("copy-tar-stays", "FROM scratch\nCOPY t.tar /x/\n", {"t.tar": "@tar"}, tree={"/x/t.tar": "f 644 0:0 -"})
case("add-heredoc", "FROM scratch\nADD <<f /x\nin\nf\n", tree={"/x": "f 644 0:0 in\n"}, differs="buildah 1.28 has no heredocs")

# ---- the rest ---------------------------------------------------------------------------------------------------------
case("workdir-owner", "FROM base\nUSER app\nWORKDIR /w\n", tree={"/w": "d 755 1000:1000"}, config={"WorkingDir": "/w", "User": "app"}, differs="buildah makes it root's")
case("workdir-relative", "FROM base\nWORKDIR /a\nWORKDIR b\nWORKDIR ../c\n", config={"WorkingDir": "/a/c"}, tree={"/a/c": D, "/a/b": D})
case("workdir-variable", "FROM base\nENV d=/x\nWORKDIR $d/y\n", config={"WorkingDir": "/x/y"})
case("workdir-existing", "FROM base\nWORKDIR /tmp\n", config={"WorkingDir": "/tmp"}, tree={"/tmp": "d 1777 0:0"})
case("workdir-symlink", "FROM base\nRUN ln -s ../../../../tmp /w\nWORKDIR /w/x\n", tree={"/w": "l -", "/tmp/x": D})
case("cmd-shell", "FROM base\nCMD echo $HOME\n", config={"Cmd": ["/bin/sh", "-c", "echo $HOME"]})
case("cmd-json", 'FROM base\nCMD ["a", "b c"]\n', config={"Cmd": ["a", "b c"]})
case("cmd-last", "FROM base\nCMD a\nCMD [\"b\"]\n", config={"Cmd": ["b"]})
case("cmd-history", 'FROM base\nCMD ["a", "b"]\n', config={"History": ['CMD ["a" "b"]']}, differs=BUILDKIT)
case("entrypoint", 'FROM base\nENTRYPOINT ["e"]\nCMD ["c"]\n', config={"Entrypoint": ["e"], "Cmd": ["c"]})
case("entrypoint-clears-cmd", 'FROM base AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["e"]\n', config={"Entrypoint": ["e"], "Cmd": None})
case("entrypoint-keeps-own-cmd", 'FROM base\nCMD ["c"]\nENTRYPOINT ["e"]\n', config={"Entrypoint": ["e"], "Cmd": ["c"]}, differs="buildah clears a CMD of the same stage")
case("entrypoint-shell", "FROM base\nENTRYPOINT exec top\n", config={"Entrypoint": ["/bin/sh", "-c", "exec top"]})
case("shell", 'FROM base\nSHELL ["/bin/sh", "-ec"]\nRUN false; true\n', fails="did not complete successfully",
     differs="buildah drops SHELL in the OCI format")
case("shell-kept", 'FROM base\nSHELL ["/bin/sh", "-xc"]\nCMD a\n', config={"Shell": ["/bin/sh", "-xc"], "Cmd": ["/bin/sh", "-xc", "a"]}, differs="buildah drops SHELL in the OCI format")
case("shell-not-json", "FROM base\nSHELL /bin/sh\n", fails="SHELL requires the arguments to be in JSON form")
case("label", "FROM base\nENV v=1\nLABEL a=b \"c d\"='e f' g=$v\n", config={"Labels": {"a": "b", "c d": "e f", "g": "1"}})
case("label-legacy", "FROM base\nLABEL a b c\n", config={"Labels": {"a": "b c"}})
case("label-lines", "FROM base\nLABEL a=1 \\\n  b=2\n", config={"Labels": {"a": "1", "b": "2"}})
case("label-option", "FROM base\nLABEL a=1\n", args=["--label", "a=2", "--label", "b=3"], config={"Labels": {"a": "2", "b": "3"}},
     differs="buildah has entries in the history for options")
case("expose", "FROM base\nENV p=90\nEXPOSE 80 53/udp $p\n", config={"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "90/tcp": {}}})
case("expose-range", "FROM base\nEXPOSE 8000-8002/TCP\n", config={"ExposedPorts": {"8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {}}}, differs="buildah writes the range as it is")
case("expose-bad", "FROM base\nEXPOSE eighty\n", fails="invalid containerPort: eighty",
     differs="buildah writes what is no port")
case("volume", 'FROM base\nVOLUME /a /b\nVOLUME ["/c d"]\n', config={"Volumes": {"/a": {}, "/b": {}, "/c d": {}}},
     differs="buildah makes the directories")
case("volume-keeps-changes", "FROM base\nVOLUME /v\nRUN mkdir -p /v && echo x >/v/f\n", tree={"/v/f": "f - - x\n"},
     differs="buildah 1.28 discards them as the classic builder did")
case("user", "FROM base\nUSER app:staff\n", config={"User": "app:staff"})
case("user-variable", "FROM base\nARG u=app\nUSER $u\n", config={"User": "app"})
case("stopsignal", "FROM base\nSTOPSIGNAL SIGQUIT\n", config={"StopSignal": "SIGQUIT"})
case("stopsignal-number", "FROM base\nSTOPSIGNAL 9\n", config={"StopSignal": "9"})
case("stopsignal-bad", "FROM base\nSTOPSIGNAL SIGNOPE\n", fails="invalid signal: SIGNOPE")
case("healthcheck", "FROM base\nHEALTHCHECK --interval=5s --timeout=1m --retries=2 --start-period=500ms CMD test -f /x\n",
     config={"Healthcheck": {"Test": ["CMD-SHELL", "test -f /x"], "Interval": 5000000000, "Timeout": 60000000000, "StartPeriod": 500000000, "Retries": 2}},
     differs="buildah drops HEALTHCHECK in the OCI format")
case("healthcheck-json", 'FROM base\nHEALTHCHECK CMD ["a", "b"]\n', config={"Healthcheck": {"Test": ["CMD", "a", "b"]}}, differs="buildah drops HEALTHCHECK in the OCI format")
case("healthcheck-none", "FROM base\nHEALTHCHECK NONE\n", config={"Healthcheck": {"Test": ["NONE"]}}, differs="buildah drops HEALTHCHECK in the OCI format")
case("healthcheck-bad", "FROM base\nHEALTHCHECK TEST x\n", fails='unknown type "TEST" in HEALTHCHECK (try CMD)')
case("onbuild-stored", "FROM base\nONBUILD RUN echo x\nONBUILD COPY . /\n", config={"OnBuild": ["RUN echo x", "COPY . /"]}, differs="buildah drops ONBUILD in the OCI format")
case("onbuild-triggered", "FROM base AS a\nONBUILD RUN echo x >/x\nFROM a\nRUN cat /x >/y\n", tree={"/y": "f - - x\n"}, config={"OnBuild": None}, differs="buildah drops ONBUILD in the OCI format")
case("onbuild-not-inherited", "FROM base AS a\nONBUILD RUN echo x >>/x\nFROM a AS b\nFROM b\nRUN cat /x >/y\n", tree={"/y": "f - - x\n"}, differs="buildah drops ONBUILD in the OCI format")
case("onbuild-copy-from", "FROM base AS s\nRUN echo s >/s\nFROM base AS a\nONBUILD COPY --from=s /s /t\nFROM a\n", tree={"/t": "f - - s\n"}, differs="buildah drops ONBUILD in the OCI format")
case("onbuild-chain", "FROM base\nONBUILD ONBUILD RUN x\n", fails="Chaining ONBUILD")
case("maintainer", "FROM base\nMAINTAINER me <me@x>\n", config={"author": "me <me@x>"})
case("empty-layers", "FROM base\nENV a=1\nRUN true\nLABEL b=1\nCMD c\n", config={"NewLayers": 1})
case("platform-flag", "FROM --platform=linux/amd64 base\nRUN echo x >/x\n", tree={"/x": "f - - x\n"})
case("unicode-names", "FROM scratch\nCOPY . /\n", {"ü/日本": "x"}, tree={"/ü/日本": "f - - x"})
case("long-name", "FROM scratch\nCOPY . /\n", {"d/" + "n" * 200: "x"}, tree={"/d/" + "n" * 200: "f - - x"})
case("big-file", "FROM base\nRUN head -c 3000000 /dev/zero >/z && stat -c %s /z >/s\n", tree={"/s": "f - - 3000000\n"})
