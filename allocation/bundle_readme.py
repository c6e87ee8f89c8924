"""README.txt of every bundle of review-draw/v1: fixed text, so that no byte of it can be altered.

A changed word needs a new version tag: verifiers know the digest of these bytes.
"""

from __future__ import annotations

README = """\
随机抽取验证包 (review-draw/v1)
================================

本验证包记录了一次专家随机抽取的全部过程。任何人都可以在自己的电脑上重新计算并核对结果，
无需信任主办单位，也无需使用主办单位的任何系统或网络。

一、用单文件程序验证（可离线）
  1. 取得 verify.py（只有一个文件，只用 Python 标准库，Python 3.9 以上）。请从您信任的来源取得，
     不要使用随本验证包一同送来的程序；可与其他持有人核对该文件的 SHA-256。
  2. 在本验证包所在的文件夹中运行：
         python3 verify.py 验证包.zip
     解压后的文件夹也可以：python3 verify.py 文件夹
  3. 程序逐步打印编号的结论：PASS 通过，FAIL 不符，NOT CHECKED 未检查及其原因。
     没有 FAIL 时退出状态为 0。
  4. 若您手中有较早的检查点（例如签字存档的抽取记录表上的二维码），请加上
         --previous 检查点文件
     以证明日志自那时起只有追加，没有改写。

二、用浏览器验证（可离线）
  打开静态验证页面（一个 HTML 文件，可先保存到本机再断网打开），把 zip 文件拖入页面。
  全部计算在您的浏览器内完成，不上传任何内容。该页面与 verify.py 各自独立实现。

三、自己编写程序验证
  协议全文见 docs/draw-protocol.md。依照该文即可用任何语言写出第三种实现。

请同时核对：checkpoint.txt 与签字存档的纸质记录一致；keys.txt 中的公钥与您从其他渠道得知的一致；
公开的随机源（drand 信标、彩票开奖号码）与其公布值一致。

文件
  snapshot.json    抽取之前锁定的全部内容（专家为化名）
  sources.json     事后公开的随机源
  result.json      抽取结果
  events.jsonl     截至检查点的全部日志，每行一条
  checkpoint.txt   签名的检查点，含监督人员的会签
  keys.txt         日志公钥（按更换顺序），其后为会签人公钥
  identities.json  仅监督检查版有：化名对应的姓名、证件号码和盐值，请保密

------------------------------------------------------------------------------

Verification bundle of a random draw (review-draw/v1)
=====================================================

This bundle records one draw of experts. Anyone can recompute it on a computer of their own,
without trust in the ministry and without any of its systems or networks.

1. With the one-file program (works offline)
   Get verify.py: one file, Python's standard library alone, Python 3.9 or later. Get it from a
   source that you trust, not together with this bundle, and compare its SHA-256 with other holders.
       python3 verify.py BUNDLE.zip        (or the folder that the zip unpacks to)
   It prints numbered lines: PASS, FAIL, or NOT CHECKED with the reason. Exit status 0 means that
   nothing failed. With an earlier checkpoint in hand, such as the QR code on the signed record of
   the draw, add
       --previous CHECKPOINT
   and it proves that the log has only grown since then.

2. With a browser (works offline)
   Open the static verification page (one HTML file; save it, disconnect, open it) and drop the zip
   on it. Everything is computed in the browser, nothing is sent. The page and verify.py are
   independent implementations.

3. With a program of your own
   The protocol is docs/draw-protocol.md; a third implementation can be written from it.

Compare as well: checkpoint.txt with the signed paper record; the keys in keys.txt with what you
know of them from elsewhere; public sources (drand beacon, lottery numbers) with what was published.

Files
  snapshot.json    everything that was locked before the draw (experts under pseudonyms)
  sources.json     the sources of randomness, revealed afterwards
  result.json      the result of the draw
  events.jsonl     the whole log up to the checkpoint, one event a line
  checkpoint.txt   the signed checkpoint with the inspectors' cosignatures
  keys.txt         the log's public keys in order of rotation, then the witnesses'
  identities.json  inspector's form only: names, document numbers and salts; keep it private
"""
