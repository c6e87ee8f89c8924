"""README.txt of an archive: read in 15 years by somebody who has never seen the service."""

from __future__ import annotations

README = """\
评审轮次归档 (review-archive/v1)    轮次: {code}    保存至: {keep_until}
======================================================================

本压缩包含有一个评审轮次的全部采购文件，依《中华人民共和国政府采购法》第四十二条，自采购结束之日起
至少保存十五年，不得伪造、变造、隐匿或者销毁。内含个人信息和评分，请按密级保管。

阅读不需要任何专用系统：data/ 下每张表有 JSON（权威）和 CSV（可用电子表格打开）两种形式，
均为 UTF-8。CSV 中以 = + - @ 开头的单元格前加了一个单引号，以免被当作公式执行；以 JSON 为准。

验证（Python 3.9 以上，只用标准库，可离线）：
    python3 verify_archive.py 本文件.zip

目录
  manifest.json       每个文件的 SHA-256、日志大小和默克尔根
  data/               轮次、申报材料、专家、回避、抽取、席位、评分、统计结果、审批
  log/events.jsonl    全部日志；checkpoint.txt 签名的检查点；keys.txt 公钥
  log/private.jsonl   日志中以摘要封存的内容及其盐值
  attachments/        申报附件和推荐报告，文件名即其 SHA-256；原名、大小、类型见 manifest.json
  draws/              每次抽取的验证包（监督检查版）；证件号码只在此处，用以核对抽中者身份的承诺
  verify.py           抽取验证程序；verify_archive.py 归档验证程序

----------------------------------------------------------------------

Archive of a review round (review-archive/v1)    round: {code}    keep until: {keep_until}

All procurement files of one round. The Government Procurement Law of China, article 42, has them
kept for at least 15 years from the end of the procurement; they must not be forged, altered,
hidden or destroyed. It holds personal data and scores: keep it as classified.

Nothing special is needed to read it: each table in data/ is there as JSON (authoritative) and as
CSV (for a spreadsheet), in UTF-8. CSV cells that begin with = + - @ have an apostrophe before
them, so that no spreadsheet runs them as a formula.

To verify, offline, with Python 3.9 or later and nothing else:
    python3 verify_archive.py THIS.zip

  manifest.json       SHA-256 of every file; size and Merkle root of the log
  data/               round, dossiers, experts, conflicts, draws, seats, reviews, results, approvals
  log/events.jsonl    the whole log, one event a line; checkpoint.txt signed; keys.txt public keys
  log/private.jsonl   what the log holds as salted digests, with the salts
  attachments/        evidence and reports, named by their SHA-256; manifest.json has their
                      given names, sizes in bytes and media types
  draws/              the bundle of each completed draw, in the inspector's form; document numbers
                      stand here alone, to open the commitments to who was drawn
  verify.py           the verifier of a draw; verify_archive.py the verifier of this archive

Times are UTC. An event is hashed as SHA-256(0x00 ‖ line without its line end), nodes as
SHA-256(0x01 ‖ left ‖ right) (RFC 6962). The protocol of the draws is {protocol}.
"""
