"""The languages of mBART and mBART-50, in the order of their tokens."""

_FIRST = """
ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX ro_RO
ru_RU si_LK tr_TR vi_VN zh_CN
"""
_ADDED = """
af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN
th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI
"""

MBART_LANGUAGES = tuple(_FIRST.split())
"""Of mBART, Liu et al. 2020, https://arxiv.org/abs/2001.08210."""

MBART50_LANGUAGES = (*MBART_LANGUAGES, *_ADDED.split())
"""Of mBART-50, Tang et al. 2020, https://arxiv.org/abs/2008.00401."""
